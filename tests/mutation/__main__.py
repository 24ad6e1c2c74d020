"""`python -m tests.mutation [AREA ...] [-n MISTAKES] [--seed N] [--jobs N]`: how many small mistakes the tests notice.

So many are drawn from bot/AREA (call, twilio, realtime and server by default), each is made in a copy of the repository,
and the tests are run that belong to it: those of its own file and those that import it first, then those of its area.
A test that fails, or an hour that does not end, has noticed. What nobody noticed is listed, to be looked at one by one:
some are no mistakes.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from tests.mutation.mistakes import Mistake, mistakes

ROOT = Path(__file__).resolve().parents[2]
AREAS = ("call", "twilio", "realtime", "server")
WANTED_PERCENT = 90
LIMIT_S = 600
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=-m 'not slow' --timeout=60")
FAILING = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


class Found(NamedTuple):
    """What became of one mistake."""

    area: str
    path: Path
    mistake: Mistake
    noticed: bool


def drawn(area: str, n: int, seed: int) -> list[tuple[Path, Mistake]]:
    """`n` of the mistakes that can be made in an area, all alike likely; 0: every one."""
    every = [
        (path.relative_to(ROOT), mistake)
        for path in sorted((ROOT / "bot" / area).rglob("*.py"))
        for mistake in mistakes(path.read_bytes())
    ]
    return every if not n or n >= len(every) else random.Random(seed).sample(every, n)


def suites(area: str, path: Path) -> list[list[str]]:
    """The files of tests to be run, in turn: those nearest to `path`, then the others of its area."""
    module = ".".join(path.with_suffix("").parts)
    package, _, name = module.rpartition(".")
    imports = re.compile(
        rf"^(from|import) {re.escape(module)}\b|^from {re.escape(package)} import .*\b{name}\b", re.MULTILINE
    )
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    near = [one for one in tests if one.stem == f"test_{name}" or imports.search(one.read_text(encoding="utf-8"))]
    near.sort(key=lambda one: (one.stem != f"test_{name}", one.parent.name != area))
    rest = [one for one in tests if one not in near and one.is_relative_to(ROOT / "tests" / area)]
    return [[str(one.relative_to(ROOT)) for one in group] for group in (near, rest) if group]


def copied(directory: Path) -> Path:
    """A copy of the repository, with what stands beside it."""
    directory.mkdir()
    top = directory / "heardline"
    shutil.copytree(ROOT, top, ignore=NOT_COPIED)
    if (ROOT.parent / "shared").exists():
        (directory / "shared").symlink_to((ROOT.parent / "shared").resolve())
    return top


def failing(top: Path, files: list[tuple[str, Path]]) -> list[str]:
    """The tests that fail there without any mistake, of all that may be asked: they can't notice one."""
    asked = sorted({test for area, path in files for tests in suites(area, path) for test in tests})
    command = [sys.executable, *PYTEST, "-rfE", *asked]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False)
    return FAILING.findall(done.stdout)


def passes(top: Path, tests: list[str], without: list[str]) -> bool:
    """Whether these tests, but for some, pass there. One that takes too long does not."""
    command = [sys.executable, *PYTEST, "-x", *tests, *(f"--deselect={test}" for test in without)]
    try:
        return subprocess.run(command, cwd=top, capture_output=True, timeout=LIMIT_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def judged(top: Path, area: str, path: Path, mistake: Mistake, without: list[str]) -> Found:
    """Make the mistake in the copy `top`, run its tests, and take it back."""
    source = (ROOT / path).read_bytes()
    (top / path).write_bytes(mistake.made(source))
    try:
        noticed = not all(passes(top, tests, without) for tests in suites(area, path))
    finally:
        (top / path).write_bytes(source)
    return Found(area, path, mistake, noticed)


def run(areas: list[str], n: int, seed: int, jobs: int) -> list[Found]:
    """The whole run, told as it goes."""
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(jobs) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            copies.put(copied(Path(directory) / str(number)))

        def one(area: str, path: Path, mistake: Mistake) -> Found:
            top = copies.get()
            try:
                return judged(top, area, path, mistake, without)
            finally:
                copies.put(top)

        todo = [(area, path, mistake) for area in areas for path, mistake in drawn(area, n, seed)]
        top = copies.get()
        without = failing(top, [(area, path) for area, path, _ in todo])
        copies.put(top)
        for test in without:
            print(f"fails without any mistake, and is left out: {test}", flush=True)
        tasks = [pool.submit(one, *each) for each in todo]
        for task in tasks:
            found.append(task.result())
            if not found[-1].noticed:
                _, path, mistake, _ = found[-1]
                print(f"{path}:{mistake.line}  {mistake.shown((ROOT / path).read_bytes())}", flush=True)
    return found


def table(found: list[Found]) -> tuple[list[str], bool]:
    """Lines of the score by area, and whether each is as wanted."""
    made, noticed = Counter(one.area for one in found), Counter(one.area for one in found if one.noticed)
    lines = [f"{'area':<9} {'mistakes':>8} {'noticed':>8} {'score':>6}"]
    lines += [
        f"{area:<9} {made[area]:>8} {noticed[area]:>8} {100 * noticed[area] / made[area]:>5.0f}%" for area in made
    ]
    return lines, all(100 * noticed[area] >= WANTED_PERCENT * made[area] for area in made)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}")
    parser.add_argument("-n", type=int, default=50, metavar="MISTAKES", help="of each area; 0: every one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    lines, good = table(run(asked.areas or list(AREAS), asked.n, asked.seed, asked.jobs))
    print("\n".join(lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
