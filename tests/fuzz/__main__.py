"""`python -m tests.fuzz TARGET [SECONDS]`: strange inputs, led by the lines of bot/ they reach, for a minute unless told.

Exits with 1 when an input did what none may do; each such input is kept in a temporary file that is named.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from tests.fuzz.fuzz_loop import Found, fuzz
from tests.fuzz.targets import TARGETS

USAGE = f"python -m tests.fuzz {'|'.join(TARGETS)} [SECONDS]"


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in TARGETS or not all(one.isdigit() for one in arguments[1:]):
        print(USAGE, file=sys.stderr)
        return 2
    name, seconds = arguments[0], float(arguments[1]) if len(arguments) > 1 else 60.0
    target, seeds = TARGETS[name]
    found = fuzz(target, seeds(), seconds, seed=int(arguments[2]) if len(arguments) > 2 else 0)
    for where, data in found.failures.items():
        print(f"FAILED {where}: {_kept(name, data)}")
    print(_line(name, found))
    return 1 if found.failures else 0


def _kept(name: str, data: bytes) -> Path:
    path = Path(tempfile.gettempdir()) / f"fuzz-{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def _line(name: str, found: Found) -> str:
    figures = f"{found.runs} inputs, {found.lines} lines reached, {found.kept} inputs kept for reaching a new one"
    return f"{name}: {figures}, the slowest {found.slowest_s * 1000:.0f} ms, {len(found.failures)} failures"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
