"""What a call tells its log and its record, told behind its audio, and one thing a turn of the loop.

A line of the log with its row for the store takes the loop as long as five frames of callers do, so a step that tells
of several things would hold up the audio of other calls by their sum.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.call.facts import Fact
from bot.call.outputs import Report

MOST = 50
"""Things that may wait. A step tells of a few; what comes beyond is told at the cost of who told it."""

Told = Callable[[Fact | Report, int], None]


class ToldLater:
    """Gives to `tell`, in order, each fact and report with its time."""

    def __init__(self, tell: Told) -> None:
        self._tell = tell
        self._waiting: list[tuple[Fact | Report, int]] = []  # as a deque it would be half a kilobyte, and empty
        self._next: asyncio.Handle | None = None

    def put(self, told: Fact | Report, now_us: int) -> None:
        self._waiting.append((told, now_us))
        if len(self._waiting) > MOST:
            self._tell(*self._waiting.pop(0))
        elif self._next is None:
            self._go_on()

    def _go_on(self) -> None:
        self._next = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._next = None
        if self._waiting:  # else all was told at once
            told, now_us = self._waiting.pop(0)
            if self._waiting:
                self._go_on()
            self._tell(told, now_us)

    def flush(self) -> None:
        """Tell all that waits now."""
        while self._waiting:
            self._tell(*self._waiting.pop(0))
