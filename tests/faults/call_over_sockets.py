"""One call over real sockets, in real time: what its caller heard at what millisecond."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.server.setup.played_recordings import shipped
from bot.testing.agent import Pacing, Reply, Spoken
from bot.testing.dialling.dial import DialResult, new_stream_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from tests.faults.outcome import MS, Outcome, Sound, sounds, tone
from tests.faults.virtual import CALLER, SpoiledPhone
from tests.server.simulated_server import ACCOUNT, GREETING, Reach, ServerUnderTest, a_phone, until
from tests.waiting import GIVE_UP_S

QUICK = Pacing(speed=0, first_audio_ms=10)
ANSWER = Reply((Spoken(tone(400, 1), "An answer."),), pacing=QUICK)
BEGUN_MS = 40
TURN_MS = 100
"""The caller's silence after which their turn is over, at the desks."""
KNOWN = {
    # what a session says first and second: one that takes over begins again with the first
    "words 1": GREETING.items[0].audio,
    "words 2": ANSWER.items[0].audio,
    "filler": base64.b64decode(shipped("en", "moment")),
    "apology": base64.b64decode(shipped("en", "apology")),
}


def next_phone(phone: SimulatedPhone) -> SimulatedPhone:
    """The phone of the same call on its next stream."""
    return SimulatedPhone(StreamIds(ACCOUNT, phone.ids.call_sid, new_stream_sid()))


def spoiled_phone() -> SpoiledPhone:
    return SpoiledPhone(a_phone().ids)


class Calling:
    """A call that is going on. Times are ms from its webhook."""

    def __init__(self, phones: list[SimulatedPhone], task: asyncio.Task[DialResult]) -> None:
        self.phones = phones
        self._loop = asyncio.get_running_loop()
        self._origin_s = self._loop.time()
        self._over_ms = 0.0
        self._task = asyncio.create_task(self._timed(task))

    async def _timed(self, task: asyncio.Task[DialResult]) -> DialResult:
        result = await task
        self._over_ms = self.now_ms()
        return result

    async def gone(self) -> None:
        """End the call, whatever became of it: nobody waits for it any more."""
        await asyncio.wait([self._task])

    @property
    def call_sid(self) -> str:
        return self.phones[0].ids.call_sid

    def now_ms(self) -> float:
        return (self._loop.time() - self._origin_s) * 1_000

    def say(self, ms: int) -> float:
        """Let the caller speak now. Gives when their turn will be over."""
        self.phones[0].say(CALLER * (ms // 20), int(self.now_ms() * MS))
        return self.now_ms() + ms + TURN_MS

    def heard(self) -> list[Sound]:
        return [sound for phone in self.phones for sound in sounds(phone, KNOWN)]

    async def hears(self, what: str = "", times: int = 1, within_s: float = GIVE_UP_S, phone: int = 0) -> None:
        """Wait until it, or anything, has begun to be heard so many times at this phone, by a few frames at least."""

        def begun() -> int:
            found = sounds(self.phones[phone], KNOWN)
            return sum(what in one.what and one.from_ms + BEGUN_MS < self.now_ms() for one in found)

        await until(lambda: begun() >= times, within_s=within_s)

    async def heard_out(self, what: str, within_s: float = GIVE_UP_S) -> None:
        """Wait until it was heard to its end."""
        await self.hears(what, within_s=within_s)
        await until(lambda: max(one.until_ms for one in self.heard() if one.what == what) <= self.now_ms())

    async def over(self, hang_up: SimulatedPhone | None = None) -> DialResult:
        """The caller hangs up at this phone, if at one; the call is over."""
        if hang_up is not None:
            hang_up.hang_up(int(self.now_ms() * MS))
        return await self._task

    async def outcome(self, waits_from_ms: float | None, reasons: list[Any], *, ended: str, apart: str = "") -> Outcome:
        """Wait for the call's end and give its outcome. `reasons` are all log entries of ended calls."""
        result = await self._task
        heard = self.heard()
        if result.said:
            heard.append(Sound("sentence by TwiML", self._over_ms, self._over_ms))
        mine = [entry["reason"] for entry in reasons if entry["call_sid"] == self.call_sid]
        outcome = Outcome(heard, waits_from_ms, ", then ".join(mine) or "before it began", apart)
        if outcome.ended != ended:
            outcome.wrong.append(f"ended as {outcome.ended}, not {ended}")
        outcome.wrong += result.violations
        return outcome


@asynccontextmanager
async def calling(reach: Reach, *phones: SimulatedPhone, via: str = "", **knobs: Any) -> AsyncIterator[Calling]:
    """A call at `reach`, whose stream goes on at the second of `phones` when the first one's broke."""
    there = Reach(reach.settings, via or reach.origin, reach.model, reach.http)
    task = asyncio.create_task(there.dial(phones[0], more_phones=phones[1:], **knobs))
    call = Calling(list(phones), task)
    try:
        yield call
        await task
    finally:
        task.cancel()
        await call.gone()


def port_of(desk: ServerUnderTest) -> int:
    return int(desk.origin.rpartition(":")[2])
