"""Departure of a process: from serving to its last answer, by phases that only go forward.

A call that would outlive the process is redirected: told to wait a little and ask again, for another process to take.
Every bound of a departure stands here, since each follows from the others: a call that was redirected is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import IntEnum

from bot.server.directory.call_directory import CallDirectory
from bot.twilio.twiml import HOLD_S

HOLDS = 2
"""Times a call whose stream is over is redirected at most."""
ASK_S = 1.5
"""Seconds given to Twilio, which asks at once when a stream or a pause is over."""
ROUND_S = HOLD_S + ASK_S
"""Seconds from the answer that redirects a call to the question that it comes back with, at most."""
LEAVE_S = ASK_S + HOLDS * ROUND_S
"""Seconds from the end of the last call to the last question about it: the process still answers for so long."""
PAUSE_LOOK_S = 0.05


class RedirectedCalls:
    """Calls that this process has redirected and that have yet to come back. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_s: dict[str, float] = {}

    def send(self, call_sid: str) -> None:
        """The call is told to come back."""
        self._due_s[call_sid] = self._clock() + ROUND_S

    def came(self, call_sid: str) -> None:
        """The call was told what follows, and does not come back for that."""
        self._due_s.pop(call_sid, None)

    @property
    def out(self) -> bool:
        """True while any may yet come back here."""
        now_s = self._clock()
        return any(due_s > now_s for due_s in self._due_s.values())


class Phase(IntEnum):
    """Stages of a process on its way out."""

    SERVING = 0
    DRAINING = 1
    """No new call is let in; those there are go on."""
    LEAVING = 2
    """Calls are being ended, for another process to carry them on; what Twilio asks after each is still answered."""
    GONE = 3
    """Calls are being ended, and nobody is here to answer what Twilio asks then."""


class Departure:
    """The phase, the calls that were redirected, and the end of those that are left."""

    def __init__(self, directory: CallDirectory) -> None:
        self.phase = Phase.SERVING
        self.redirected = RedirectedCalls()
        self._directory = directory

    @property
    def draining(self) -> bool:
        return self.phase >= Phase.DRAINING

    @property
    def ending(self) -> bool:
        return self.phase >= Phase.LEAVING

    async def hand_over(self) -> None:
        """End each call in a pause of its conversation, for another process to carry it on. Waits for all of them."""
        while len(self._directory):
            for live in self._directory:
                if live.in_pause:
                    live.bridge.shutdown("drained")
            await asyncio.sleep(PAUSE_LOOK_S)

    async def close(self) -> None:
        """End every call and wait for it."""
        if not self.ending:
            self.phase = Phase.GONE
        calls = list(self._directory)
        for live in calls:
            live.bridge.shutdown("drained")
        await asyncio.gather(*(live.task for live in calls), return_exceptions=True)
