"""One timer for all calls of a process: at each tick it wakes those whose time may have come.

Every frame of a caller puts the end of a gap off, so a timer of each call's own fires ten times a second to find
nothing due, which cost a quarter of what the audio itself does. Here a call with nothing to do costs one comparison a
tick; the price is that a deadline is kept up to TICK_S late.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

TICK_S = 0.01
LATE_NS = 20_000_000
"""Lateness of a tick which shows that the loop was held up, and that what came meanwhile has yet to be read."""
CATCH_UP_S = 0.005


class Sleeper(Protocol):
    """A call, say, that waits for `wake_ns` of the monotonic clock. To be woken too early does no harm."""

    wake_ns: int

    def wake(self) -> None: ...


class ProcessTimer:
    """Ticks while anybody sleeps, in the event loop that is running then."""

    def __init__(self) -> None:
        self._sleepers: dict[Sleeper, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due_ns = 0
        self._catching_up = False

    def join(self, sleeper: Sleeper) -> None:
        """Wake it when its time comes, until it leaves."""
        self._sleepers[sleeper] = None
        if self._timer is None:
            self._start(TICK_S)

    def leave(self, sleeper: Sleeper) -> None:
        """It need not be there."""
        self._sleepers.pop(sleeper, None)
        if not self._sleepers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, wait_s: float) -> None:
        self._due_ns = time.monotonic_ns() + round(wait_s * 1e9)
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _tick(self) -> None:
        """After a stall only once the sockets were read: audio that waits there is no gap to fill."""
        now_ns = time.monotonic_ns()
        self._catching_up = now_ns - self._due_ns > LATE_NS and not self._catching_up
        self._start(CATCH_UP_S if self._catching_up else TICK_S)
        if not self._catching_up:
            for sleeper in [one for one in self._sleepers if one.wake_ns <= now_ns]:
                sleeper.wake()
