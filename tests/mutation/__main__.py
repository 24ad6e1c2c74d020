"""`python -m tests.mutation [AREA ...] [-n MISTAKES] [--seed N] [--jobs N]`: how many small mistakes the tests notice.

So many are drawn from bot/AREA (call, twilio, realtime and server by default), each is made in a copy of the repository,
and the tests are run that belong to it: those of its own file and those that import it first, then those of its area.
A test that fails has noticed, if it fails again with the mistake and passes without; so have tests that do not end.
What nobody noticed is listed, to be looked at one by one: some are no mistakes.
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
from importlib.util import cache_from_source
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
FAILING = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", re.MULTILINE)


class Found(NamedTuple):
    """One mistake, and whether the tests noticed."""

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
    always = {f"test_{name}", "test_limits"}
    near = [one for one in tests if one.stem in always or imports.search(one.read_text(encoding="utf-8"))]
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


class Run(NamedTuple):
    """Some tests as they went: whether all passed, and which was the first that did not; empty: they did not end."""

    passed: bool
    failed: str = ""


def tried(top: Path, tests: list[str], without: list[str]) -> Run:
    """These tests, but for some, run there until one fails."""
    command = [sys.executable, *PYTEST, "-x", "-rfE", *tests, *(f"--deselect={test}" for test in without)]
    try:
        done = subprocess.run(command, cwd=top, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return Run(passed=False)
    return Run(done.returncode == 0, next(iter(FAILING.findall(done.stdout)), ""))


def put(top: Path, path: Path, source: bytes) -> None:
    """Write a file of the copy, and forget what was compiled of it: a mistake may be as long, and made as soon."""
    (top / path).write_bytes(source)
    Path(cache_from_source(str(top / path))).unlink(missing_ok=True)


def judged(top: Path, area: str, path: Path, mistake: Mistake, without: list[str]) -> Found:
    """Make the mistake in the copy `top`, run its tests, and take it back.

    A test that fails now and then would notice anything: one that can't say so twice is left out, and the rest is asked.
    """
    source = (ROOT / path).read_bytes()
    made, doubted, noticed = mistake.made(source), list(without), False
    todo = suites(area, path)
    while todo and not noticed:
        put(top, path, made)
        run = tried(top, todo[0], doubted)
        if run.passed or run.failed in doubted:
            todo.pop(0)
            continue
        again = Run(passed=False) if not run.failed else tried(top, [run.failed], [])
        put(top, path, source)
        if run.failed and not tried(top, [run.failed], []).passed:
            without.append(run.failed)
            print(f"fails without any mistake, and is left out: {run.failed}", flush=True)
        else:
            noticed = not again.passed
        doubted.append(run.failed)
    put(top, path, source)
    return Found(area, path, mistake, noticed)


def run(areas: list[str], n: int, seed: int, jobs: int) -> list[Found]:
    """The whole run, told as it goes."""
    found: list[Found] = []
    without: list[str] = []
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
        tasks = [pool.submit(one, *each) for each in todo]
        for task in tasks:
            found.append(task.result())
            _, path, mistake, noticed = found[-1]
            if noticed:
                print(".", end="", flush=True)
            else:
                print(f"\n{path}:{mistake.line}  {mistake.shown((ROOT / path).read_bytes())}", flush=True)
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
    print("\n" + "\n".join(lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
