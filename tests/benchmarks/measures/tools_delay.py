"""Delay of audio while tools run: 50 calls, the same ones with and without, in interleaved windows."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.benchmarks.measures.own_limits import say_limits
from tests.benchmarks.report import Table
from tests.benchmarks.rig import SETTLE_S, Observation, Rig

CALLS = 50
EVERY_S = 1.0
"""Seconds between two tool calls of each session; each tool takes half a second, so that some 25 run at any time."""
MODULE = '''
import asyncio
import time

from bot.tools import tool


@tool
async def waits(what: str) -> str:
    """Look something up."""
    await asyncio.sleep(0.5)
    return what


@tool
def blocks(what: str) -> str:
    """Look something up, in a function that blocks its thread."""
    time.sleep(0.5)
    return what
'''


def tools(rig: Rig) -> list[Table]:
    """Half of the calls are of a coroutine, half of a function that blocks its thread."""
    table = Table("tools", f"{CALLS} calls, each with a tool call a second, and without", [])
    rounds, window_s = (3, 4.0) if rig.quick else (8, 6.0)
    module = rig.scratch / "benchmark_tools.py"
    Path(module).write_text(MODULE, encoding="utf-8")
    without: list[Observation] = []
    beside: list[Observation] = []
    with rig.subject("heardline", settings={"BOT_TOOLS": str(module)}) as subject:
        rig.open(subject, CALLS)
        rig.observe(subject, SETTLE_S)
        for number in range(rounds):
            rig.say(f"tools: round {number + 1} of {rounds}")
            without.append(rig.observe(subject, window_s))
            rig.model.ask("call_tools", every_s=EVERY_S)
            rig.observe(subject, SETTLE_S)
            beside.append(rig.observe(subject, window_s))
            rig.model.ask("call_tools", every_s=0.0)
            rig.observe(subject, SETTLE_S)
        called = rig.model.ask("report")["tools"]
        rig.close()
    table.columns = ["tools", "us per frame", "up p50 us", "up p99 us", "down p50 us", "down p99 us"]
    for name, seen in (("none", without), (f"{CALLS / EVERY_S:.0f} a second", beside)):
        table.rows.append(
            [
                name,
                median(one.cost_us for one in seen),
                median(one.up.p50 for one in seen),
                median(one.up.p99 for one in seen),
                median(one.down.p50 for one in seen),
                median(one.down.p99 for one in seen),
            ]
        )
    table.notes.append(f"{called['called']} tools were called, {called['answered']} outputs came back")
    say_limits(table, [*without, *beside])
    return [table]
