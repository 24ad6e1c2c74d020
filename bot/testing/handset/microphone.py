"""The caller's side of the audio: what they say, cut into the 20 ms frames that Twilio sends (twilio-voice 4)."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from typing import NamedTuple

from bot.audio.payload import FRAME_BYTES, SILENCE_BYTE, US_PER_BYTE
from bot.twilio.playout import Stall, merged

FRAME_US = FRAME_BYTES * US_PER_BYTE
_SILENT_FRAME = bytes((SILENCE_BYTE,)) * FRAME_BYTES


class Frame(NamedTuple):
    """160 bytes as sent: `at_us` when it left, `timestamp_ms` its place in the stream."""

    at_us: int
    timestamp_ms: int
    audio: bytes


class Microphone:
    """Frame k holds the 20 ms from k * 20 ms on, counted from open(), and leaves when they are over.

    `suppress_silence`: no frames while nobody talks. `lost`: frames that would leave in these stretches never do, and
    are seen as a gap in the timestamps. `late`: frames of these stretches all leave at their end, in one burst.
    """

    def __init__(
        self,
        *,
        first_timestamp_ms: int = 0,
        suppress_silence: bool = False,
        lost: Iterable[Stall] = (),
        late: Iterable[Stall] = (),
    ) -> None:
        self.sent: list[Frame] = []
        self.first_timestamp_ms = first_timestamp_ms
        self._suppress = suppress_silence
        self._lost = merged(lost)
        self._late = merged(late)
        self._open_us: int | None = None
        self._waiting: list[tuple[int, int, bytes]] = []  # (first byte's place, order said, audio)
        self._n_said = 0
        self._current = memoryview(b"")
        self._next_frame = 0
        self._said_upto = 0  # the place after the last byte that was said

    def open(self, now_us: int) -> None:
        """The stream starts; nothing said before reaches anyone."""
        self._open_us = now_us
        self._waiting = sorted((self._place(at), order, audio) for at, order, audio in self._waiting)

    def say(self, audio: bytes, at_us: int) -> None:
        """Say `audio` (mu-law) from `at_us` on, or as soon as what is being said then is over."""
        place = at_us if self._open_us is None else self._place(at_us)
        insort(self._waiting, (place, self._n_said, audio))
        self._n_said += 1

    @property
    def ends_us(self) -> int | None:
        """Time when everything to be said will have been said; None when nothing ever was, or the stream isn't open."""
        if self._open_us is None or not self._n_said:
            return None
        place = self._said_upto + len(self._current)
        for at, _, audio in self._waiting:
            place = max(place, at) + len(audio)
        return self._open_us + place * US_PER_BYTE

    def next_us(self) -> int | None:
        """Time when the next frame leaves, or would if it were not lost; None when there is none."""
        index = self._next_index()
        if index is None or self._open_us is None:
            return None
        return _pushed(self._late, self._open_us + (index + 1) * FRAME_US)

    def take(self) -> Frame | None:
        """The frame that leaves at next_us(); None when it is lost."""
        index, at_us = self._next_index(), self.next_us()
        if index is None or at_us is None or self._open_us is None:
            return None
        audio = self._cut(index)
        self._next_frame = index + 1
        due_us = self._open_us + (index + 1) * FRAME_US
        if _pushed(self._lost, due_us) != due_us:
            return None
        frame = Frame(at_us, self.first_timestamp_ms + index * FRAME_US // 1000, audio)
        self.sent.append(frame)
        return frame

    def render(self, from_us: int, until_us: int) -> bytes:
        """Audio that was sent, each frame at the time it was spoken: mu-law at 8 bytes/ms, silence between."""
        line = bytearray(bytes((SILENCE_BYTE,)) * max(0, (until_us - from_us) // US_PER_BYTE))
        for frame in self.sent:
            spoken_us = (self._open_us or 0) + (frame.timestamp_ms - self.first_timestamp_ms) * 1000
            at = (spoken_us - from_us) // US_PER_BYTE
            first, end = max(0, at), min(len(line), at + FRAME_BYTES)
            if first < end:
                line[first:end] = frame.audio[first - at : end - at]
        return bytes(line)

    def _place(self, at_us: int) -> int:
        return max(0, at_us - (self._open_us or 0)) // US_PER_BYTE

    def _next_index(self) -> int | None:
        if not self._suppress or self._current:
            return self._next_frame
        if not self._waiting:
            return None
        return max(self._next_frame, self._waiting[0][0] // FRAME_BYTES)

    def _cut(self, index: int) -> bytes:
        """The bytes of frame `index`: what is being said, and what begins inside it."""
        first, end = index * FRAME_BYTES, (index + 1) * FRAME_BYTES
        if not self._current and (not self._waiting or self._waiting[0][0] >= end):
            return _SILENT_FRAME
        frame = bytearray()
        while len(frame) < FRAME_BYTES:
            if self._current:
                taken = self._current[: FRAME_BYTES - len(frame)]
                self._current = self._current[len(taken) :]
                frame += taken
                self._said_upto = first + len(frame)
            elif self._waiting and self._waiting[0][0] < end:
                place, _, audio = self._waiting.pop(0)
                frame += bytes((SILENCE_BYTE,)) * (place - first - len(frame))
                self._current = memoryview(audio)
            else:
                frame += _SILENT_FRAME[len(frame) :]
        return bytes(frame)


def _pushed(stretches: list[Stall], at_us: int) -> int:
    """`at_us`, or the end of the stretch [from, until) it lies in."""
    index = bisect_right(stretches, at_us, key=lambda stretch: stretch[0])
    return max(at_us, stretches[index - 1][1]) if index else at_us
