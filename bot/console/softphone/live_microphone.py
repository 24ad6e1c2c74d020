"""A microphone whose frames come from a browser, re-timed: one leaves every 20 ms, as Twilio's do."""

from __future__ import annotations

import random
from dataclasses import dataclass

from bot.audio.payload import BYTES_PER_MS, FRAME_BYTES, SILENCE_BYTE
from bot.testing.handset.microphone import FRAME_US, Frame, Microphone

PREFILL_BYTES = 40 * BYTES_PER_MS
"""Audio that is gathered before any of it leaves: a browser's frames come 16 to 32 ms apart."""
LOOK_FRAMES = 25
"""Frames in which some moment finds nothing to spare, or what is to spare is no use: it only makes the caller late."""
MOST_BYTES = 300 * BYTES_PER_MS
"""Audio that may wait: more is the browser's having stood still, and the oldest of it is dropped."""
_SILENT = bytes((SILENCE_BYTE,)) * FRAME_BYTES


@dataclass(frozen=True)
class LineProfile:
    """A line by what it does to audio: the share of frames that is lost, and how late they may be, at random, in ms."""

    lost: float = 0.0
    late_ms: int = 0


PROFILES: dict[str, LineProfile] = {
    "clean": LineProfile(),
    "phone": LineProfile(lost=0.002, late_ms=20),
    "mobile": LineProfile(lost=0.01, late_ms=60),
    "bad": LineProfile(lost=0.05, late_ms=160),
}
"""Lines that the page offers. The figures are round ones, chosen to be heard, and measured on no network."""


class LiveMicrophone(Microphone):
    """`hear` takes what the browser sent; the phone takes frames from the other end."""

    def __init__(self, line: LineProfile, chance: random.Random) -> None:
        super().__init__()
        self._line = line
        self._chance = chance
        self._heard = bytearray()
        self._flowing = False
        self._next = 0
        self._due_us = 0
        self._opened_us = 0
        self._spare = MOST_BYTES
        """The least that waited since the last look."""
        self._looked = 0
        self.dropped_bytes = 0

    def hear(self, audio: bytes) -> None:
        """Mu-law from the browser."""
        self._heard += audio
        if len(self._heard) > MOST_BYTES:
            self._drop(len(self._heard) - PREFILL_BYTES)

    def _drop(self, n_bytes: int) -> None:
        self.dropped_bytes += n_bytes
        del self._heard[:n_bytes]

    def open(self, now_us: int) -> None:
        super().open(now_us)
        self._opened_us = now_us
        self._due_us = now_us + FRAME_US
        self._heard.clear()

    @property
    def ends_us(self) -> int | None:
        """Nobody knows when a person will have finished."""
        return None

    def next_us(self) -> int | None:
        return self._due_us if self._opened_us or self._next else None

    def take(self) -> Frame | None:
        at_us, place_ms = self._due_us, self._next * FRAME_US // 1000
        self._next += 1
        on_time_us = self._opened_us + (self._next + 1) * FRAME_US
        late_us = self._chance.randint(0, self._line.late_ms) * 1000
        self._due_us = max(at_us, on_time_us + late_us)
        audio = self._next_audio()
        if self._line.lost and self._chance.random() < self._line.lost:
            return None
        return Frame(at_us, place_ms, audio)

    def _next_audio(self) -> bytes:
        self._flowing = len(self._heard) >= (FRAME_BYTES if self._flowing else PREFILL_BYTES)
        if not self._flowing:
            self._looked, self._spare = 0, MOST_BYTES
            return _SILENT
        frame = bytes(self._heard[:FRAME_BYTES])
        del self._heard[:FRAME_BYTES]
        self._catch_up()
        return frame

    def _catch_up(self) -> None:
        """Drop what has waited all the time: a browser that stood still for a moment has sent it all at once."""
        self._spare = min(self._spare, len(self._heard))
        self._looked += 1
        if self._looked == LOOK_FRAMES:
            self._drop(max(0, self._spare - FRAME_BYTES))
            self._looked, self._spare = 0, MOST_BYTES
