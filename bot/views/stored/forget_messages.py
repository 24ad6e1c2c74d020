"""Messages of `bot forget`: what it is about to erase, and what was erased and what was not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.recording.wording import visible
from bot.store.results import CallSummary, Forgotten
from bot.views.stored.columns import listed, local, times

UNKNOWN = (
    "Not known here, and left: copies made by hand, pages of a fixture that were made where this store was not set, "
    "other machines' files until their next purge, and backups."
)


def about_to(found: Sequence[CallSummary]) -> str:
    """Sentence about the data of a caller who has at least one call, the newest of them first."""
    newest, oldest = found[0], found[-1]
    span = f"of {local(newest.started_at)}"
    if len(found) > 1:
        span = f"from {local(oldest.started_at)} to {local(newest.started_at)}"
    return f"{times(len(found), 'call')} {span}, with all that was said, recorded and exported."


def story(gone: Forgotten) -> Iterator[str]:
    """Report on what was erased, line by line."""
    counts = [
        times(gone.calls, "call"),
        times(gone.turns, "turn"),
        times(gone.usages, "use of tokens", "uses of tokens"),
        times(gone.events, "event"),
        times(len(gone.erased), "file"),
    ]
    yield f"Erased: {listed(counts)}."
    for path in gone.erased:
        yield f"  {visible(path)}{' (outside the recording directory)' if path in gone.outside else ''}"
    if gone.missing:
        yield f"{times(len(gone.missing), 'file')} known here but not on this machine:"
        yield from (f"  {visible(path)}" for path in gone.missing)
    for sid in gone.live:
        yield f"The call {sid} goes on: nothing more of it is stored."
    yield UNKNOWN


def failures(gone: Forgotten) -> Iterator[str]:
    """A sentence for all that could not be erased."""
    for path, why in gone.failed.items():
        yield f"{visible(path)} could not be erased: {visible(why)}. Mend that, and run `bot forget` again."
    if gone.in_log:
        yield "The database's log still holds erased words, since somebody reads it; run `bot forget` again."
