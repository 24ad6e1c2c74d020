"""The loop: an input is changed; if the change reaches a new line it is kept to be changed again."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.fuzz.coverage import Coverage
from tests.fuzz.mutation import mutated

Target = Callable[[bytes], None]
"""Raises whatever no input may make it raise."""
SLOW_S = 1.0


@dataclass
class Found:
    """Result of a run. `failures`: the input by where and how it failed, each kind once."""

    runs: int = 0
    lines: int = 0
    kept: int = 0
    slowest_s: float = 0.0
    failures: dict[str, bytes] = field(default_factory=dict)


def fuzz(
    target: Target,
    seeds: Sequence[bytes],
    seconds: float,
    *,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
    tell: Callable[[Found], None] = lambda _: None,
) -> Found:
    """Run `target` on `seeds` and what becomes of them for so long. The same `seed` makes the same inputs."""
    rng = random.Random(seed)  # its sequence is the point
    coverage, found, corpus = Coverage(), Found(), list(seeds)
    end_s = clock() + seconds
    with coverage.watching():
        for one in seeds:
            _run(target, one, found, clock)
        while clock() < end_s:
            one = mutated(rng.choice(corpus), corpus, rng)
            before = len(coverage.lines)
            _run(target, one, found, clock)
            if len(coverage.lines) > before:
                corpus.append(one)
            found.lines, found.kept = len(coverage.lines), len(corpus) - len(seeds)
            if not found.runs % 1_000:
                tell(found)
    return found


def _run(target: Target, one: bytes, found: Found, clock: Callable[[], float]) -> None:
    found.runs += 1
    began_s, clock_s = time.thread_time(), clock()
    try:
        target(one)
    except Exception as error:  # noqa: BLE001  what may not happen, whatever it is
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__}: {str(error)[:100]} ({frame.name}, line {frame.lineno} of {frame.filename})"
        if found.failures.setdefault(where, one) is not one and len(one) < len(found.failures[where]):
            found.failures[where] = one
    took_s = min(time.thread_time() - began_s, clock() - clock_s)  # neither others' work nor a wait counts
    found.slowest_s = max(found.slowest_s, took_s)
    if took_s > SLOW_S:
        found.failures.setdefault(f"took {took_s:.1f} s", one)
