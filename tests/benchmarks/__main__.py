"""`python -m tests.benchmarks [PART...]`: all measures, or some, into a directory."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import machine, plot, report
from tests.benchmarks.measures import MEASURES
from tests.benchmarks.report import Table
from tests.benchmarks.rig import Rig
from tests.benchmarks.rig_processes import RigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a part could not be measured. A bound that is missed is a finding, not a failure."""
    options = _parser().parse_args(arguments)
    directory: Path = options.out
    directory.mkdir(parents=True, exist_ok=True)
    machine.allow_many_sockets()
    described = machine.describe()
    tables: list[Table] = []
    failed = False
    say = _progress(time.monotonic())
    for part in options.parts or MEASURES:
        try:
            found = _measure(part, directory, say, quick=options.quick)
        except RigError as error:
            print(f"\n{part}: {error}", file=sys.stderr)
            failed = True
            continue
        for table in found:
            print(f"\n{table.markdown()}", flush=True)
        tables += found
        report.write(directory, described, tables)
    for path in (*report.write(directory, described, tables), *plot.draw(directory, tables)):
        print(path)
    return 1 if failed else 0


def _measure(part: str, directory: Path, say: Callable[[str], None], *, quick: bool) -> list[Table]:
    """One part with load generators of its own, so that one that fails spoils no other. Raises RigError."""
    with Rig(directory, say, quick=quick) as rig:
        try:
            found = MEASURES[part](rig)
        except RigError as error:
            raise RigError("\n".join([str(error), *rig.faults])) from None
        found[0].bounds += rig.faults
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*MEASURES, []], metavar="PART", help=", ".join(MEASURES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds and shorter windows, for a first look")
    parser.add_argument("--out", type=Path, default=Path("benchmark-results"), metavar="DIR")
    return parser


def _progress(began_s: float) -> Callable[[str], None]:
    """A line that moves on a terminal, plain lines in a pipe."""
    end = "\r" if sys.stderr.isatty() else "\n"

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began_s:5.0f} s] {text}".ljust(79), end=end, file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing started from here is left behind
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
