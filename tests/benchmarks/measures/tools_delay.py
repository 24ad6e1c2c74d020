"""Delay of audio while tools run: 50 calls, the same ones with and without, in interleaved windows.

One way a tool runs in each call nearly all the time; the other way many begin and end, each of which is work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.benchmarks.measures.own_limits import say_limits
from tests.benchmarks.report import Table
from tests.benchmarks.rig import SETTLE_S, Observation, Rig

CALLS = 50


class Way(NamedTuple):
    """Each session calls a tool every `every_s`, which takes `seconds`."""

    name: str
    every_s: float
    seconds: float


WAYS = (
    Way("one runs in each call, most of the time", 8.0, 7.0),
    Way("one begins and ends in each call, each second", 1.0, 0.5),
)
MODULE = '''
import asyncio
import time

from bot.tools import tool


@tool
async def waits(seconds: float) -> str:
    """Look something up."""
    await asyncio.sleep(seconds)
    return "found"


@tool
def blocks(seconds: float) -> str:
    """Look something up, in a function that blocks its thread."""
    time.sleep(seconds)
    return "found"
'''


def tools(rig: Rig) -> list[Table]:
    """Half of the calls are of a coroutine, half of a function that blocks its thread.

    What chance alone does to a p99 is told by a second window of each round without tools.
    """
    table = Table("tools", f"{CALLS} calls, with and without tools", [])
    rounds, window_s = (3, 4.0) if rig.quick else (8, 6.0)
    module = rig.scratch / "benchmark_tools.py"
    Path(module).write_text(MODULE, encoding="utf-8")
    without: list[Observation] = []
    again: list[Observation] = []
    beside: dict[Way, list[Observation]] = {way: [] for way in WAYS}
    with rig.subject("heardline", settings={"BOT_TOOLS": str(module)}) as subject:
        rig.open(subject, CALLS)
        rig.observe(subject, SETTLE_S)
        for number in range(rounds):
            rig.say(f"tools: round {number + 1} of {rounds}")
            without.append(rig.observe(subject, window_s))
            again.append(rig.observe(subject, window_s))
            for way, seen in beside.items():
                rig.model.ask("call_tools", every_s=way.every_s, seconds=way.seconds)
                rig.observe(subject, way.every_s)
                seen.append(rig.observe(subject, window_s))
                rig.model.ask("call_tools", every_s=0.0, seconds=0.0)
                rig.observe(subject, way.seconds + SETTLE_S)
        called = rig.model.ask("report")["tools"]
        rig.close()
    table.columns = [
        *("tools", "us per frame", "up p50 us", "up p99 us", "up p99 in none's"),
        *("down p50 us", "down p99 us", "down p99 in none's"),
    ]
    rows = {"none": without, "none, once more": again} | {way.name: seen for way, seen in beside.items()}
    for name, seen in rows.items():
        table.rows.append(
            [
                name,
                median(one.cost_us for one in seen),
                median(one.up.p50 for one in seen),
                median(one.up.p99 for one in seen),
                times(without, seen, lambda one: one.up.p99),
                median(one.down.p50 for one in seen),
                median(one.down.p99 for one in seen),
                times(without, seen, lambda one: one.down.p99),
            ]
        )
    table.notes.append(f"{called['called']} tools were called, {called['answered']} outputs came back")
    say_limits(table, [one for seen in rows.values() for one in seen])
    return [table]


def times(without: Sequence[Observation], beside: Sequence[Observation], p99: Callable[[Observation], float]) -> str:
    """The p99 beside tools in that without, of the same round: median, least and most."""
    found = sorted(p99(one) / p99(none) for none, one in zip(without, beside, strict=True))
    return f"{median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f})"
