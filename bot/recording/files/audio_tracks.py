"""Places of a call's audio in its recording: the caller's clock, and one side's samples until they are written."""

from __future__ import annotations

from bot.audio.payload import SILENCE_BYTE

AHEAD_US = 1_000_000
BEHIND_US = 60_000_000
"""A frame that by its timestamp was spoken so much after or before now tells of another clock: it is spoken now."""


class CallerClock:
    """Turns timestamps of the stream, which count from anywhere, into moments of the call."""

    def __init__(self) -> None:
        self._origin_us: int | None = None

    def hear(self, timestamp_ms: int, now_us: int) -> None:
        """A frame with this timestamp is here. The one that took least sets the clock."""
        begun_us = now_us - timestamp_ms * 1000
        if self._origin_us is None or not _believed(self._origin_us - begun_us):
            self._origin_us = begun_us
        else:
            self._origin_us = min(self._origin_us, begun_us)

    def spoken_us(self, timestamp_ms: int, now_us: int) -> int:
        """Time when the frame with this timestamp, here now, was spoken. Sets the clock when it is unset or wrong."""
        if self._origin_us is None:  # the first frame of one who was muted until now
            self._origin_us = now_us - timestamp_ms * 1000
        spoken_us = self._origin_us + timestamp_ms * 1000
        if _believed(spoken_us - now_us):
            return spoken_us
        self._origin_us = now_us - timestamp_ms * 1000
        return now_us

    def at_us(self, timestamp_ms: int, came_us: int) -> int:
        """Time when the frame with this timestamp, here since `came_us`, was spoken."""
        assert self._origin_us is not None
        spoken_us = self._origin_us + timestamp_ms * 1000
        return spoken_us if _believed(spoken_us - came_us) else came_us


def _believed(ahead_us: int) -> bool:
    return -BEHIND_US <= ahead_us <= AHEAD_US


class Track:
    """One side's mu-law that is still to be written. Places count samples from the beginning of the recording."""

    def __init__(self) -> None:
        self._written = 0
        self._audio = bytearray()

    def __len__(self) -> int:
        return len(self._audio)

    def put(self, at: int, audio: bytes) -> tuple[int, bytes]:
        """Put `audio` at its place. What is late for that, since that place is written, comes back with its place."""
        if at == self._written + len(self._audio):  # nearly always it follows what is there
            self._audio += audio
            return at, b""
        missed = max(0, -at)
        late = audio[missed : max(missed, self._written - at)]
        rest = audio[missed + len(late) :]
        begin = at + missed + len(late) - self._written
        if rest:
            self._audio += bytes((SILENCE_BYTE,)) * (begin - len(self._audio))
            self._audio[begin : begin + len(rest)] = rest
        return at + missed, late

    def take(self, upto: int) -> bytes:
        """All from the last take up to the place `upto`, silence where nothing was put."""
        size = max(0, upto - self._written)
        audio = bytes(self._audio[:size])
        del self._audio[:size]
        self._written += size
        return audio + bytes((SILENCE_BYTE,)) * (size - len(audio))
