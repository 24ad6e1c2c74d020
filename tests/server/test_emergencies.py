"""The last resort: wherever a defect shows, at any step and in the very end, the call is over and nothing of it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from inspect import isfunction
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pytest

from bot.server.bookkeeping.store_service import keeping
from bot.server.calls.live_call import LiveCall
from bot.server.http.app_keys import METER
from bot.testing.agent import pattern
from bot.testing.handset.phone import SimulatedPhone
from tests.server.simulated_server import GREETING, ServerUnderTest, a_phone, standing, until

When = Literal["first", "third", "ending"]
Place = tuple[Any, str]
"""An object that has a method, and the method's name."""
AT_ONCE = 100
SCOUTS = 10
"""Calls that show which methods are used at all, in the part of a call that is looked at."""
LEAST = 5
"""Places at least that are used as often as that: a call is short, and on a busy machine has few frames."""
TOLD = ("internal_error", "record_failed")
_BRIDGE = (
    "_frame",
    "_feed",
    "_do",
    "_take",
    "_report",
    "_learn",
    "_tell",
    "_write_due",
    "_arm",
    "_log_end",
    "warn",
    "refuse",
)
_RECORDER = ("input", "frame", "output", "follow", "close")
_CALLS = (("spent_today", "add_up"), ("past_calls", "remember"), ("endings", "_enter"))


class Defect(Exception):
    """An exception that nothing expects."""


class Fault:
    """Raises once, in place of a method of one call: at its first or third use, or at the first in the call's end.

    One that is `harmless` raises nothing: it tells where one would have.
    """

    def __init__(self, when: When, *, harmless: bool = False) -> None:
        self.fired = False
        self._when = when
        self._harmless = harmless
        self._uses = 0

    def put(self, live: LiveCall, place: Place) -> None:
        owner, name = place
        whole = getattr(owner, name)

        def broken(*arguments: Any, **named: Any) -> Any:
            self._uses += 1
            ending = live.bridge.call.ended is not None
            if not self.fired and (
                ending if self._when == "ending" else self._uses == {"first": 1, "third": 3}[self._when]
            ):
                self.fired = True
                if not self._harmless:
                    raise Defect(str(name))
            return whole(*arguments, **named)

        setattr(owner, name, broken)


def in_core(live: LiveCall) -> Iterator[Place]:
    """Each handler of a message, and each method of each part."""
    call = live.bridge.call
    for part in (*vars(call._handlers).values(), *vars(call._parts).values()):
        if hasattr(part, "__dict__"):
            yield from ((part, name) for name, of_class in vars(type(part)).items() if _is_method(name, of_class))


def _is_method(name: str, of_class: object) -> bool:
    return isfunction(of_class) and not name.startswith("__")


def in_shell(live: LiveCall) -> Iterator[Place]:
    bridge = live.bridge
    yield from ((bridge, name) for name in _BRIDGE)
    yield from ((bridge.model, name) for name in ("open", "send_all", "created"))
    yield from ((bridge.recorder, name) for name in _RECORDER)


@pytest.mark.parametrize(
    "when", ["ending", pytest.param("first", marks=pytest.mark.slow), pytest.param("third", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("places", [in_core, in_shell])
async def test_a_defect_anywhere_in_a_call_leaves_nothing_of_it(
    tmp_path: Path, when: When, places: Callable[[LiveCall], Iterator[Place]]
) -> None:
    env = {"BOT_RECORD": "fixture", "BOT_RECORD_DIR": str(tmp_path)}
    late = "response.cancel: response_cancel_not_active"  # a core that is broken cancels what is over
    async with standing(GREETING, keep=keeping, checked=False, pardoned=late, BOT_MAX_CALLS="1000", **env) as desk:
        used = await places_used(desk, places, when)
        assert len(used) >= LEAST
        faults: dict[str, Fault] = {}
        turn = iter(used)

        def spoil(live: LiveCall) -> None:
            number = next(turn, None)
            if number is not None:
                faults[live.call_sid] = Fault(when)
                faults[live.call_sid].put(live, next(islice(places(live), number, None)))

        desk.calls.directory.on_start.append(spoil)
        while len(faults) < len(used):
            await asyncio.gather(*(a_call(desk) for _ in range(AT_ONCE)), return_exceptions=True)
        await nothing_is_left(desk)
        logged = [entry["call_sid"] for entry in desk.logs if entry["event"] in TOLD]
        fired = [call_sid for call_sid, fault in faults.items() if fault.fired]
        assert len(fired) >= LEAST
        assert sorted(logged) == sorted(fired)
        desk.logs.clear()
        desk.calls.directory.on_start.remove(spoil)
        await desk.works()


async def places_used(desk: ServerUnderTest, places: Callable[[LiveCall], Iterator[Place]], when: When) -> list[int]:
    """The numbers of the places at which a defect would show, in whole calls without one."""
    scouts: list[list[Fault]] = []

    def look(live: LiveCall) -> None:
        scouts.append([])
        for place in list(places(live)):
            scouts[-1].append(Fault(when, harmless=True))
            scouts[-1][-1].put(live, place)

    desk.calls.directory.on_start.append(look)
    await asyncio.gather(*(a_call(desk) for _ in range(SCOUTS)))
    await nothing_is_left(desk)
    desk.calls.directory.on_start.remove(look)
    desk.logs.clear()
    return [number for number, at in enumerate(zip(*scouts, strict=True)) if any(one.fired for one in at)]


async def a_call(desk: ServerUnderTest) -> None:
    phone: SimulatedPhone = a_phone()
    phone.say(pattern(200), 300_000)
    calling = asyncio.create_task(desk.dial(phone))
    try:
        await until(lambda: len(phone.received) > 1 or calling.done(), or_fail=False)
        await asyncio.sleep(0.4)
        phone.hang_up(0)
        await calling
    finally:
        calling.cancel()


async def nothing_is_left(desk: ServerUnderTest) -> None:
    await desk.quiet()
    await until(lambda: not desk.calls.registry.counts().live)
    assert desk.calls.starter.timer._sleepers == {}
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith(("call ", "dial"))] == []


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *_CALLS,
        *(("registry", name) for name in ("end",)),
        *(("meter", name) for name in ("_read", "_milestones")),
        *(("write_behind", name) for name in ("put",)),
    ],
)
async def test_a_defect_in_what_all_calls_share_costs_no_place(
    tmp_path: Path, part: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.server.directory.call_endings.AGAIN_S", 0.01)
    async with standing(GREETING, keep=keeping, BOT_RECORD_DIR=str(tmp_path)) as desk:
        assert desk.kept is not None
        owner = {
            "spent_today": desk.calls.spent_today,
            "past_calls": desk.calls.past_calls,
            "endings": desk.calls.endings,
            "registry": desk.calls.registry,
            "meter": desk.app[METER],
            "write_behind": desk.kept.write_behind,
        }[part]
        whole, uses = getattr(owner, name), 0

        def broken(*arguments: Any, **named: Any) -> Any:
            nonlocal uses
            uses += 1
            if uses == 1:
                raise Defect(name)
            return whole(*arguments, **named)

        monkeypatch.setattr(owner, name, broken)
        async with desk.stream():
            pass
        await until(lambda: uses)
        await nothing_is_left(desk)
        assert len([entry for entry in desk.logs if entry["event"] in TOLD]) == 1
        desk.logs.clear()
        await desk.works()
