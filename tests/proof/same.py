"""`python -m tests.proof.same CHECKOUT [-n CALLS] [--seed FIRST]`: the same whole calls, here and in another checkout.

The same random calls (tests/proof/random_calls.py) run through the core of this checkout and of the other one, each in a
process of its own. All that comes out is compared, in order and to the microsecond: messages, reports, facts, what the
call shows, counts at its end. Told are the first call that differs and where, and the share of lines that the calls run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("random_calls.py")
LINES_OF = 400
"""Number of calls that show which lines are run."""
BEFORE = 8
"""Lines that are shown before a difference."""
TICK = 'note {"note": "tick"}'
"""Line of a tick. One that brings nothing is no difference."""
MOST_CHARS = 240
"""Characters shown of each line."""


class Outcome(NamedTuple):
    """Result of comparing all calls. `seed` is of the first that differs."""

    calls: int = 0
    outputs: int = 0
    ticks: int = 0
    other_ticks: int = 0
    seed: int | None = None


def compare(other: Path, n_calls: int, first: int) -> Outcome:
    """Run them all, up to the first that differs."""
    ours, theirs = (_started(checkout, first, n_calls) for checkout in (HERE, other))
    outcome = Outcome()
    try:
        for one, two in zip_longest(_read(ours), _read(theirs)):
            if one is None or two is None:
                raise RuntimeError("one of the two stopped early")
            seed, digest, outputs, ticks = one
            if digest != two[1]:
                return outcome._replace(seed=int(seed))
            outcome = Outcome(
                outcome.calls + 1,
                outcome.outputs + int(outputs),
                outcome.ticks + int(ticks),
                outcome.other_ticks + int(two[3]),
            )
    finally:
        for process in (ours, theirs):
            process.kill()
            process.communicate()
    return outcome


def difference(other: Path, seed: int) -> Iterator[str]:
    """The first difference in the call of this seed: the lines before it, then either side's."""
    whole = (_output(checkout, seed, 1, "--full") for checkout in (HERE, other))
    ours, theirs = ([line for line in lines if not line.endswith(TICK)] for lines in whole)
    for at, (one, two) in enumerate(zip_longest(ours, theirs, fillvalue="nothing more")):
        if one != two:
            yield from (line[:MOST_CHARS] for line in ours[max(0, at - BEFORE) : at])
            yield f"here:  {_from_where_they_differ(one, two)}"
            yield f"there: {_from_where_they_differ(two, one)}"
            return


def _from_where_they_differ(line: str, other: str) -> str:
    """The line, less what both have in common in its middle."""
    same = next((at for at, (one, two) in enumerate(zip_longest(line, other)) if one != two), 0)
    return f"{line[:80]}...{line[same - 20 : same + MOST_CHARS]}" if same > MOST_CHARS else line[:MOST_CHARS]


def lines_run(first: int, n_calls: int) -> list[str]:
    """Lines of bot/call that the calls run, last the share of all."""
    return _output(HERE, first, n_calls, "--lines")


def _command(checkout: Path, first: int, n_calls: int, *options: str) -> list[str]:
    return [sys.executable, str(RUNNER), str(checkout), str(first), str(n_calls), *options]


def _started(checkout: Path, first: int, n_calls: int) -> subprocess.Popen[str]:
    return subprocess.Popen(_command(checkout, first, n_calls), stdout=subprocess.PIPE, text=True)


def _read(process: subprocess.Popen[str]) -> Iterator[list[str]]:
    assert process.stdout is not None
    yield from map(str.split, process.stdout)


def _output(checkout: Path, first: int, n_calls: int, *options: str) -> list[str]:
    command = _command(checkout, first, n_calls, *options)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof.same", description=__doc__)
    parser.add_argument("checkout", type=Path, help="the directory of another checkout")
    parser.add_argument("-n", type=int, default=1_000, metavar="CALLS", help="how many calls (1000)")
    parser.add_argument("--seed", type=int, default=0, metavar="FIRST", help="the seed of the first (0)")
    parser.add_argument("--all-lines", action="store_true", help="tell which lines of bot/call were not run")
    given = parser.parse_args()
    other = given.checkout.resolve()
    outcome = compare(other, given.n, given.seed)
    if outcome.seed is not None:
        print(f"call {outcome.seed} differs, after {outcome.calls} that are the same")
        print("\n".join(difference(other, outcome.seed)))
        return 1
    print(f"{outcome.calls} calls, {outcome.outputs} outputs: the same")
    print(f"Ticks: {outcome.ticks} here, {outcome.other_ticks} there")
    told = lines_run(given.seed, min(given.n, LINES_OF))
    print("\n".join(told if given.all_lines else told[-1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
