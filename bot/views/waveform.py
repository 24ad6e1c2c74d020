"""The loudness of a call over time: the caller, what the caller heard, and what a cut kept from being heard."""

from __future__ import annotations

from dataclasses import dataclass

from bot.audio.levels import peaks
from bot.audio.payload import BYTES_PER_MS, US_PER_BYTE
from bot.views.call_sound import CallSound
from bot.views.played import unheard_spans
from bot.views.timeline_parts import Timeline

_FINEST_MS = 20
_MOST_WINDOWS = 60_000
_LOUDEST = 32_768
_CURVE = 0.6
"""Quiet speech must show: the height is loudness to this power."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """Peaks from 0 to 255, one byte for each `window_ms` from the call's origin on."""

    window_ms: int
    caller: bytes
    heard: bytes
    unheard: bytes


def waveform(timeline: Timeline) -> Waveform:
    """The three tracks of `timeline`, in windows of 20 ms, or longer ones for calls of more than 20 minutes."""
    spans = unheard_spans(timeline.pieces)
    last_us = max([timeline.duration_us, *(end_us for _, end_us in spans)])
    caller, heard, unheard = _tracks(last_us)
    for frame in timeline.frames:
        caller.add(frame.at_us, frame.audio)
    for piece, (begin_us, end_us) in zip(timeline.pieces, spans, strict=True):
        heard.add(piece.start_us, piece.audio[: piece.heard_bytes])
        unheard.add(begin_us, piece.audio[piece.heard_bytes :][: (end_us - begin_us) // US_PER_BYTE])
    return Waveform(caller.window_ms, bytes(caller.heights), bytes(heard.heights), bytes(unheard.heights))


def waveform_of_sound(sound: CallSound) -> Waveform:
    """The two tracks of a recording; what was never heard is not in it."""
    caller, heard, unheard = _tracks(sound.end_us)
    caller.add(sound.start_us, sound.caller)
    heard.add(sound.start_us, sound.heard)
    return Waveform(caller.window_ms, bytes(caller.heights), bytes(heard.heights), bytes(unheard.heights))


def _tracks(last_us: int) -> tuple[_Track, _Track, _Track]:
    window_ms = max(_FINEST_MS, -(-last_us // (1000 * _MOST_WINDOWS)))
    size = last_us // (1000 * window_ms) + 2
    return _Track(size, window_ms), _Track(size, window_ms), _Track(size, window_ms)


class _Track:
    def __init__(self, size: int, window_ms: int) -> None:
        self.heights = bytearray(size)
        self.window_ms = window_ms

    def add(self, at_us: int, ulaw: bytes) -> None:
        """Audio that begins at `at_us`; where two overlap, the louder shows."""
        window_bytes = self.window_ms * BYTES_PER_MS
        first, into = divmod(max(0, at_us) * BYTES_PER_MS // 1000, window_bytes)
        split = window_bytes - into
        levels = peaks(ulaw[:split], self.window_ms) + peaks(ulaw[split:], self.window_ms)
        for window, level in enumerate(levels, start=first):
            if window < len(self.heights):
                height = round(255 * (level / _LOUDEST) ** _CURVE)
                self.heights[window] = max(self.heights[window], height)
