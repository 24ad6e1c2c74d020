"""Cost of a call's steps in the registry, on the event loop, while several processes share it."""

from __future__ import annotations

import multiprocessing
import random
import secrets
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from bot.server.shared.call_registry import CallRegistry
from tests.benchmarks.report import Table
from tests.benchmarks.rig import Rig
from tests.benchmarks.summaries import summary

PROCESSES = 4
CALLS_PER_S = 100
STREAMING = 5
"""Calls of a process that wait for their stream: a claim comes some calls after its webhook."""
BOUND_MS = 1.0
"""Bound of the 99th percentile: a twentieth of a frame."""
STEPS = ("enter", "issue", "claim", "known", "end", "asked")


def claims(rig: Rig) -> list[Table]:
    """Four processes on one file, a hundred calls a second in all."""
    each = round(rig.seconds(20, 5) * CALLS_PER_S / PROCESSES)
    rig.say(f"claims: {PROCESSES} processes, {each} calls each")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "calls.sqlite"
        CallRegistry(time.time, path).close()
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            found = pool.starmap(_calls, [(path, each, seed) for seed in range(PROCESSES)])
    title = f"Steps in a registry that {PROCESSES} processes share, {CALLS_PER_S} calls a second"
    table = Table("claims", title, ["step", "times", "p50 ms", "p99 ms", "p99.9 ms", "worst ms"])
    for step in STEPS:
        one = summary([seconds * 1000 for took in found for seconds in took[step]])
        table.rows.append([step, one.count, *(f"{ms:.3f}" for ms in (one.p50, one.p99, one.p999, one.worst))])
        if step == "claim":
            table.bound("a claim, p99", one.p99, BOUND_MS, " ms")
    return [table]


def _calls(path: Path, number: int, seed: int) -> dict[str, list[float]]:
    """The steps of each call in turn, and how many seconds each took."""
    registry, chance = CallRegistry(time.time, path), random.Random(seed)
    took: defaultdict[str, list[float]] = defaultdict(list)
    waiting: list[tuple[str, bytes]] = []

    def step(name: str, *arguments: object, **named: object) -> object:
        began_s = time.perf_counter()
        result = getattr(registry, name)(*arguments, **named)
        took[name].append(time.perf_counter() - began_s)
        return result

    for index in range(number):
        time.sleep(chance.expovariate(CALLS_PER_S / PROCESSES))
        call_sid, nonce = f"CA{seed:08x}{index:024x}", secrets.token_bytes(16)
        assert step("enter", call_sid, number * PROCESSES) == "new"
        step("issue", call_sid, nonce)
        waiting.append((call_sid, nonce))
        if len(waiting) > STREAMING:
            call_sid, nonce = waiting.pop(0)
            assert step("claim", call_sid, nonce)
            step("known", call_sid)
            step("end", call_sid, "caller_hung_up", asks=True, own=True)
            step("asked", call_sid)
    registry.close()
    return dict(took)
