"""Departure of a process: from serving to its last answer, by phases that only go forward."""

from __future__ import annotations

import asyncio
from enum import IntEnum

from bot.server.directory.call_directory import CallDirectory
from bot.server.directory.redirected_calls import RedirectedCalls

PAUSE_LOOK_S = 0.05


class Phase(IntEnum):
    """How far a process is on its way out."""

    SERVING = 0
    DRAINING = 1
    """No new call is let in; those there are go on."""
    LEAVING = 2
    """Calls are being ended, for another process to carry them on; what Twilio asks after each is still answered."""
    GONE = 3
    """Calls are being ended, and nobody is here to answer what Twilio asks then."""


class Departure:
    """The phase, the calls that were sent round, and the end of those that are left."""

    def __init__(self, directory: CallDirectory) -> None:
        self.phase = Phase.SERVING
        self.rounds = RedirectedCalls()
        self._directory = directory

    @property
    def draining(self) -> bool:
        """Whether new calls are let in no more."""
        return self.phase >= Phase.DRAINING

    @property
    def ending(self) -> bool:
        """Whether the calls that are left are being ended."""
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
