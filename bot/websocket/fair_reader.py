"""Fair reading of one connection: who sends more than anybody needs waits, and nobody else does.

A stream of Twilio's is fifty messages a second. In as many bytes as one of them a stranger has dozens of frames, each
of which costs as much; so what is counted is the processor's time. What can't be taken now stays with the sender, whose
connection is not read until it has been.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

TURN_BYTES = 512
"""Bytes taken of a large piece before the loop turns to others."""
BURST_S = 0.1
"""Processor time without a pause: for the audio of half a minute and more, as after a stall."""
SHARE = 0.02
"""Share of the processor that a connection may use on and on; a caller's audio takes a tenth of that."""
PAUSE_S = 0.02


class FairReader:
    """Gives to `take` what comes, in order, a turn at a time."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.kept = memoryview(b"")
        """Data that waits for its turn; while there is any, what comes now waits too."""
        self._allowed_s = BURST_S
        self._allowed_at_s = self._loop.time()
        self._next: asyncio.Handle | None = None

    def open(self, transport: asyncio.Transport) -> None:
        """Bytes of this connection come from here on."""
        self._transport = transport

    def close(self) -> None:
        """Take nothing more of it."""
        self._transport = None
        self.kept = memoryview(b"")
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def feed(self, data: bytes) -> None:
        """Take more bytes that are no whole message by themselves; such a one never comes here."""
        if self.kept:
            self.kept = memoryview(bytes(self.kept) + data)
            return
        self.kept = memoryview(data)
        self._turn()

    def _turn(self) -> None:
        self._next = None
        now, self.kept = bytes(self.kept[:TURN_BYTES]), self.kept[TURN_BYTES:]
        began_s = time.thread_time()
        self._take(now)
        self._spend(time.thread_time() - began_s)
        transport = self._transport
        if transport is None or transport.is_closing():
            self.kept = memoryview(b"")
        elif self.kept:
            transport.pause_reading()
            late = self._allowed_s < 0
            self._next = self._loop.call_later(PAUSE_S, self._turn) if late else self._loop.call_soon(self._turn)
        elif not transport.is_reading():
            transport.resume_reading()

    def _spend(self, took_s: float) -> None:
        now_s = self._loop.time()
        earned_s = (now_s - self._allowed_at_s) * SHARE
        self._allowed_s = min(self._allowed_s + earned_s, BURST_S) - took_s
        self._allowed_at_s = now_s
