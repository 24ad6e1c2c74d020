"""Loudness of mu-law audio over time, for waveforms and for telling speech from silence."""

from __future__ import annotations

from collections.abc import Callable

from bot.audio import mulaw
from bot.audio.payload import BYTES_PER_MS


def peaks(ulaw: bytes, window_ms: int) -> list[int]:
    """The largest absolute sample, 0 to 32768, of each `window_ms`; the last window may be short."""
    return _envelope(ulaw, window_ms, mulaw.peak)


def rms(ulaw: bytes, window_ms: int) -> list[int]:
    """The root mean square, 0 to 32768, of each `window_ms`; the last window may be short."""
    return _envelope(ulaw, window_ms, mulaw.rms)


def _envelope(ulaw: bytes, window_ms: int, measure: Callable[[bytes], int]) -> list[int]:
    if window_ms < 1:
        raise ValueError(f"a window of {window_ms} ms holds nothing")
    window = window_ms * BYTES_PER_MS
    return [measure(mulaw.decode(ulaw[at : at + window])) for at in range(0, len(ulaw), window)]
