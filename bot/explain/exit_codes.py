"""Exit codes of the `bot` command: what each says."""

from __future__ import annotations

EXIT_CODES: dict[int, str] = {
    0: "All is well. `bot check`: it would start and answer calls. `bot serve`: it was told to stop, and has.",
    1: (
        "What was asked for failed: a call did not come about or nothing was heard (`bot call`), a replayed call "
        "differs (`bot replay`), something is missing for a real call (`bot check`), something could not be erased "
        "(`bot forget`), the port is taken (`bot serve`), the disk is full."
    ),
    2: "The command, a setting or a file given to it is wrong, and nothing was done. Each sentence names one mend.",
    130: "`bot call` was broken off with Ctrl-C.",
}
