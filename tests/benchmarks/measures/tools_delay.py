"""Delay of audio while tools run: 50 calls, the same ones with and without, in interleaved windows.

Where the bot speaks all the time, one way a tool runs in each call nearly always; the other way many begin and end,
each of which is work. In conversations, of which a tool is a part, one runs before each answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.benchmarks.measures.own_limits import say_limits
from tests.benchmarks.report import Cell, Table
from tests.benchmarks.rig import SETTLE_S, Observation, Rig
from tests.benchmarks.rig_processes import RigError
from tests.benchmarks.turn_taking import ROUND_S

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
NONE, AGAIN = "none", "none, once more"
IN_TURNS, IN_TURNS_S = "one before each answer", 0.8
"""Less than the second after which the caller would hear something meanwhile."""
HIGH = {"p99": "p99", "p99.9": "p999"}
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
    module = rig.scratch / "benchmark_tools.py"
    Path(module).write_text(MODULE, encoding="utf-8")
    return [_while_the_bot_talks(rig, module), _in_conversation(rig, module)]


def _while_the_bot_talks(rig: Rig, module: Path) -> Table:
    """The bot speaks all the time, also while its tools run: nothing happens in a call but audio and tools."""
    table = Table("tools", f"{CALLS} calls in which the bot always speaks, with and without tools", [])
    rounds, window_s = (3, 4.0) if rig.quick else (8, 6.0)
    seen: dict[str, list[Observation]] = {name: [] for name in (NONE, AGAIN, *(way.name for way in WAYS))}
    before = rig.model.ask("report")["tools"]
    with rig.subject("heardline", settings={"BOT_TOOLS": str(module)}) as subject:
        rig.open(subject, CALLS)
        rig.observe(subject, SETTLE_S)
        for number in range(rounds):
            rig.say(f"tools: round {number + 1} of {rounds}")
            for name in (NONE, AGAIN):
                seen[name].append(rig.observe(subject, window_s))
            for way in WAYS:
                rig.model.ask("call_tools", every_s=way.every_s, seconds=way.seconds)
                rig.observe(subject, way.every_s)
                seen[way.name].append(rig.observe(subject, window_s))
                rig.model.ask("call_tools", every_s=0.0, seconds=0.0)
                rig.observe(subject, way.seconds + SETTLE_S)
        _tell(rig, table, seen, before)
        rig.close()
    return table


def _in_conversation(rig: Rig, module: Path) -> Table:
    """Caller and bot take turns, and the bot looks something up before each answer.

    Such tools are few beside frames: the p99 would show one that stops the loop, the p99.9 what each one costs.
    """
    table = Table("tools_in_turns", f"{CALLS} conversations, with and without a tool in each turn", [])
    rounds, window_s = (2, 6.0) if rig.quick else (9, ROUND_S / 2)
    names = (NONE, AGAIN, IN_TURNS)
    seen: dict[str, list[Observation]] = {name: [] for name in names}
    before = rig.model.ask("report")["tools"]
    rig.model.ask("converse", in_turns=True)
    with ExitStack() as stack:
        stack.callback(rig.model.ask, "converse", in_turns=False)
        subject = stack.enter_context(rig.subject("heardline", settings={"BOT_TOOLS": str(module)}))
        rig.open(subject, CALLS)
        rig.observe(subject, rig.seconds(ROUND_S, SETTLE_S))
        for number in range(rounds):
            rig.say(f"tools in turns: round {number + 1} of {rounds}")
            for name in (*names[number % 3 :], *names[: number % 3]):
                rig.model.ask("call_in_turns", seconds=IN_TURNS_S if name == IN_TURNS else 0.0)
                rig.observe(subject, rig.seconds(ROUND_S / 2, SETTLE_S))
                seen[name].append(rig.observe(subject, window_s))
        rig.model.ask("call_in_turns", seconds=0.0)
        rig.observe(subject, IN_TURNS_S + SETTLE_S)
        _tell(rig, table, seen, before)
        rig.close()
    return table


def _tell(rig: Rig, table: Table, seen: Mapping[str, Sequence[Observation]], before: Mapping[str, int]) -> None:
    """A row for each kind of window: what it cost, and its delays beside those without tools.

    Raises RigError unless tools were called since `before`, and each gave an output.
    """
    table.columns = ["tools", "us per frame"]
    for way in ("up", "down"):
        table.columns += [f"{way} p50 us", *(f"{way} {name}{what}" for name in HIGH for what in (" us", " in none's"))]
    for name, observed in seen.items():
        row: list[Cell] = [name, median(one.cost_us for one in observed)]
        for way in ("up", "down"):
            row.append(median(getattr(one, way).p50 for one in observed))
            for value in HIGH.values():
                high = _of(way, value)
                row += [median(map(high, observed)), times(seen[NONE], observed, high)]
        table.rows.append(row)
    told = rig.model.ask("report")["tools"]
    called, answered = told["called"] - before["called"], told["answered"] - before["answered"]
    if not called or called != answered:
        raise RigError(f"{called} tools were called, and {answered} outputs came back")
    table.notes.append(f"{called} tools were called, and as many outputs came back")
    say_limits(table, [one for observed in seen.values() for one in observed])


def _of(way: str, value: str) -> Callable[[Observation], float]:
    """Tell of an observation how long its slowest frames of one way took."""
    return lambda one: float(getattr(getattr(one, way), value))


def times(without: Sequence[Observation], beside: Sequence[Observation], high: Callable[[Observation], float]) -> str:
    """The high delays beside tools in those without, of the same round: median, least and most."""
    found = sorted(high(one) / high(none) for none, one in zip(without, beside, strict=True))
    return f"{median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f})"
