"""Resampling between 8 kHz and 24 kHz, chunk by chunk: stateful, so that no chunk border can be heard.

Both are polyphase filters with linear phase. What a telephone line can't carry is taken out on the way down, where it
would come back as noise (sibilants at 6 kHz as a whistle at 2 kHz), and is not invented on the way up.
"""

from __future__ import annotations

import math
from array import array

from bot.audio.operations import audioop

FACTOR = 3
"""24 kHz over 8 kHz."""
WIDTH = 2
_WIDE = 4
_DOWN_TAPS = 48
_UP_TAPS = 24
_DOWN_CUTOFF = 3650 / 24_000
_UP_CUTOFF = 3900 / 24_000


def _sinc(n_taps: int, cutoff: float) -> list[float]:
    """A low-pass by its impulse response: a sinc under a Hamming window, `cutoff` as a part of the rate, gain 1."""
    middle = (n_taps - 1) / 2
    taps = [
        math.sin(2 * math.pi * cutoff * (n - middle))
        / (math.pi * (n - middle))
        * (0.54 - 0.46 * math.cos(math.pi * n / middle))
        for n in range(n_taps)  # an even number of taps has none in the middle
    ]
    gain = sum(taps)
    return [tap / gain for tap in taps]


_HEADROOM = 0.5
"""The sum over some of the taps may be larger than that over all, and audioop's sums stop at 32 bits."""
_DOWN = [_HEADROOM * tap for tap in _sinc(_DOWN_TAPS, _DOWN_CUTOFF)]
_UP = [_HEADROOM * FACTOR * tap for tap in _sinc(_UP_TAPS, _UP_CUTOFF)]


def _narrow(total: bytes) -> bytes:
    return audioop.lin2lin(audioop.mul(total, _WIDE, 1 / _HEADROOM), _WIDE, WIDTH)


class Down:
    """24 kHz to 8 kHz, one sample for each three that came; the rest of a chunk waits for the next."""

    def __init__(self) -> None:
        self._kept = bytes((_DOWN_TAPS - FACTOR) * WIDTH)

    def __call__(self, pcm: bytes) -> bytes:
        """16-bit PCM, whole samples, in; out too."""
        samples = self._kept + pcm
        n_out = len(samples) // WIDTH // FACTOR - (_DOWN_TAPS // FACTOR - 1)
        if n_out <= 0:
            self._kept = samples
            return b""
        self._kept = samples[n_out * FACTOR * WIDTH :]
        wide = memoryview(audioop.lin2lin(samples, WIDTH, _WIDE)).cast("i")
        phases = [wide[phase::FACTOR].tobytes() for phase in range(FACTOR)]
        total = bytes(n_out * _WIDE)
        for at, tap in enumerate(reversed(_DOWN)):
            first = at // FACTOR * _WIDE
            piece = phases[at % FACTOR][first : first + n_out * _WIDE]
            total = audioop.add(total, audioop.mul(piece, _WIDE, tap), _WIDE)
        return _narrow(total)


class Up:
    """8 kHz to 24 kHz, three samples for each that came."""

    def __init__(self) -> None:
        self._kept = bytes((_UP_TAPS // FACTOR - 1) * WIDTH)

    def __call__(self, pcm: bytes) -> bytes:
        """16-bit PCM, whole samples, in; out too."""
        samples = self._kept + pcm
        self._kept = samples[len(pcm) :]
        wide = audioop.lin2lin(samples, WIDTH, _WIDE)
        n_bytes = len(pcm) // WIDTH * _WIDE
        out = array("h", bytes(len(pcm) * FACTOR))
        starts = range(0, len(wide) - n_bytes + 1, _WIDE)
        pieces = [wide[start : start + n_bytes] for start in reversed(starts)]  # the newest sample meets the first tap
        for phase in range(FACTOR):
            total = bytes(n_bytes)
            for piece, tap in zip(pieces, _UP[phase::FACTOR], strict=True):
                total = audioop.add(total, audioop.mul(piece, _WIDE, tap), _WIDE)
            out[phase::FACTOR] = array("h", _narrow(total))
        return out.tobytes()
