"""Delay from the model's speech_started to the clear at the phone."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

from tests.benchmarks.measures.own_limits import say_limits
from tests.benchmarks.report import Table
from tests.benchmarks.rig import ARRIVE_S, SETTLE_S, Kind, Observation, Rig
from tests.benchmarks.rig_processes import RigError
from tests.benchmarks.summaries import Summary, summary

CALLS = (1, 50)
LEAST_GAP_S = 0.2
"""Least seconds between two interruptions of a call: the model must have answered before there is anything to cut."""
BOUND_US = 5_000

Moments = Sequence[tuple[int, int]]
"""Pairs of a call and a time in ns."""


def reaction(rig: Rig) -> list[Table]:
    """Delay of the clear, less that of a frame through the relay: what is left is the bridge's own."""
    table = Table(
        "reaction",
        "From speech_started sent by the model to clear at the phone, us",
        ["subject", "calls", "interruptions", "p50", "p99", "worst", "p50 beyond relay", "p99 beyond relay", "missing"],
    )
    windows: list[Observation] = []
    for calls in CALLS:
        passed, lost = _measure(rig, "relay", calls, windows)
        reacted, missing = _measure(rig, "heardline", calls, windows)
        table.rows.append(["relay", calls, passed.count, passed.p50, passed.p99, passed.worst, 0, 0, lost])
        beyond = [reacted.p50 - passed.p50, reacted.p99 - passed.p99]
        table.rows.append(
            ["heardline", calls, reacted.count, reacted.p50, reacted.p99, reacted.worst, *beyond, missing]
        )
        if calls == 1:
            table.bound("p99 with one call, both hops included", reacted.p99, BOUND_US, " us")
    say_limits(table, windows)
    return [table]


def _measure(rig: Rig, kind: Kind, calls: int, windows: list[Observation]) -> tuple[Summary, int]:
    """The times, and how many interruptions were never followed by a clear."""
    times = 30 if rig.quick else 200
    rig.say(f"reaction: {kind}, {calls} calls, {times} interruptions")
    with rig.subject(kind) as subject:
        rig.open(subject, calls)
        rig.observe(subject, SETTLE_S)
        every_s = max(LEAST_GAP_S / calls, 0.02)
        said: list[tuple[int, int]] = []
        seen = rig.observe(
            subject,
            ARRIVE_S,
            lambda: said.extend(rig.model.ask("interrupt", times=times, every_s=every_s)["said"]),
        )
        windows.append(seen)
        rig.close()
    delays = delays_us(said, seen.clears)
    if not delays:
        raise RigError(f"{kind}: none of {len(said)} interruptions was followed by a clear")
    return summary(delays), len(said) - len(delays)


def delays_us(said: Moments, cleared: Moments) -> list[float]:
    """Each clear with the last speech_started of its call before it."""
    starts: dict[int, deque[int]] = defaultdict(deque)
    for call, at in said:
        starts[call].append(at)
    delays = []
    for call, at in cleared:
        waiting = starts[call]
        while len(waiting) > 1 and waiting[1] <= at:
            waiting.popleft()
        if waiting and waiting[0] <= at:
            delays.append((at - waiting.popleft()) / 1000)
    return delays
