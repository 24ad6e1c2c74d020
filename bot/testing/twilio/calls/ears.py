"""Ears of one party: everything they hear of a call, and when it began and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import utterances

UTTERANCE_GAP_US = 400_000
"""A pause this long ends an utterance of the bot."""


class Bell:
    """Wakes whoever waits for something to change. They look again themselves."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the next ring. False when `timeout_s` passed without one."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            async with asyncio.timeout(timeout_s):
                await waiting
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(waiting)
        return True


@dataclass
class Hearing:
    """One thing heard. `kind`: ringing, say, play, keys, music, beep, voice, bot. `until_us` is None while it lasts."""

    from_us: int
    kind: str
    text: str = ""
    until_us: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" if self.text else self.kind


class Ears:
    """Ears of one party. What the bot says over a stream is taken from the stream's phone, to the byte."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.bell = Bell()
        self.phones: list[SimulatedPhone] = []
        self._now_us = now_us
        self._told: list[Hearing] = []

    @property
    def heard(self) -> list[Hearing]:
        """Everything heard so far, in the order in which it began."""
        return sorted([*self._told, *self._of_streams()], key=lambda one: one.from_us)

    def of_kind(self, *kinds: str) -> list[str]:
        """The texts of what was heard of these kinds."""
        return [one.text for one in self.heard if one.kind in kinds]

    @contextmanager
    def hearing(self, kind: str, text: str = "") -> Iterator[Hearing]:
        """Hear something as long as the block lasts."""
        hearing = Hearing(self._now_us(), kind, text)
        self._told.append(hearing)
        self.bell.ring()
        try:
            yield hearing
        finally:
            hearing.until_us = self._now_us()
            self.bell.ring()

    def hear(self, kind: str, text: str = "") -> None:
        """Hear something short."""
        with self.hearing(kind, text):
            pass

    async def wait_for(self, text: str, since_us: int) -> Hearing:
        """Wait for the first thing heard that has `text` in it, `*` for anything, and began at `since_us` or later."""
        while True:
            for one in self.heard:
                if one.from_us >= since_us and (text == "*" or text.lower() in str(one).lower()):
                    return one
            await self.bell.wait()

    async def wait_for_quiet(self, since_us: int, quiet_us: int) -> None:
        """Wait until something was heard since, and then nothing for `quiet_us`."""
        while True:
            began = [one for one in self.heard if one.until_us is None or one.until_us >= since_us]
            lasting = any(one.until_us is None for one in began)
            ended_us = max((one.until_us or 0 for one in began), default=0)
            left_us = ended_us + quiet_us - self._now_us()
            if began and not lasting and left_us <= 0:
                return
            await self.bell.wait(max(left_us, 1000) / 1e6 if began and not lasting else None)

    def _of_streams(self) -> Iterator[Hearing]:
        for phone in self.phones:
            now_us = self._now_us() if phone.ended_us is None else phone.ended_us
            for runs in utterances(phone.playout.runs, UTTERANCE_GAP_US):
                if runs[0].start_us <= now_us:
                    yield Hearing(runs[0].start_us, "bot", "", min(runs[-1].end_us, now_us))
