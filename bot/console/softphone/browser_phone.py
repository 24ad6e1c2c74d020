"""The phone of a browser: Twilio's side of one stream, with a person at its other end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bot.audio.payload import BYTES_PER_MS
from bot.console.softphone.live_microphone import LiveMicrophone
from bot.testing.handset.phone import Received, SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds


class BrowserPhone(SimulatedPhone):
    """One stream. `played` gives what the person is to hear now; `on_clear` says that what is left is not to be heard.

    It keeps nothing of what has been played: a person may talk for an hour.
    """

    def __init__(self, ids: StreamIds, microphone: LiveMicrophone, on_clear: Callable[[], None]) -> None:
        super().__init__(ids, microphone=microphone)
        self.live_microphone = microphone
        self._on_clear = on_clear
        self._loop = asyncio.get_running_loop()
        self._origin_s = 0.0

    @property
    def now_us(self) -> int:
        """Time on this stream's clock."""
        return int((self._loop.time() - self._origin_s) * 1e6)

    def open(self, now_us: int, parameters: dict[str, str] | None = None) -> None:
        self._origin_s = self._loop.time() - now_us / 1e6
        super().open(now_us, parameters)

    def played(self) -> bytes:
        """Audio that has been played since this was asked last, in mu-law; gaps are left out."""
        if self.opened_us is None:
            return b""
        return b"".join(span.audio for span in self.playout.take(self.now_us))

    def buffered_ms(self) -> int:
        """Audio that waits to be played."""
        return self.playout.buffered_bytes(self.now_us) // BYTES_PER_MS

    def _play(self, audio: bytes, now_us: int) -> None:
        self.received = [Received(now_us, b"")]
        self.playout.media(audio, now_us)

    def _clear(self, now_us: int) -> None:
        super()._clear(now_us)
        self.clears.clear()
        self._on_clear()

    def _echo(self, names: Any, at_us: int) -> None:
        super()._echo(names, at_us)
        self.echoed.clear()
        self.marks.clear()
