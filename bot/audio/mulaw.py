"""Mu-law and linear PCM.

PCM is 16-bit little-endian mono unless a name says otherwise; mu-law is one byte per sample (G.711).
"""

from __future__ import annotations

import math
from array import array

from bot.audio.operations import audioop

RATE = 8000
"""Samples per second of a telephone line, the same both ways."""
WIDTH = 2
"""Bytes of one PCM sample."""
_WIDE = 4
_LOUDEST = 32767
_TAPS = 63
_TAPS_UP_TO = 48_000
"""Highest rate with the short filter; above it more taps keep what lies just over the line's band from coming back."""


def decode(ulaw: bytes) -> bytes:
    """PCM of the same number of samples."""
    return audioop.ulaw2lin(ulaw, WIDTH)


def decode_a(alaw: bytes) -> bytes:
    """PCM of A-law, the same number of samples."""
    return audioop.alaw2lin(alaw, WIDTH)


def from_float(samples: bytes, width: int) -> bytes:
    """PCM of floating-point samples of 4 or 8 bytes, 1.0 the loudest. What is louder is cut; no number is silence."""
    values = array("f" if width == 4 else "d", samples)
    return array("h", (_level(value) for value in values)).tobytes()


def _level(value: float) -> int:
    if -1 <= value <= 1:
        return round(value * _LOUDEST)
    return _LOUDEST if value > 1 else -_LOUDEST if value < -1 else 0


def encode(pcm: bytes) -> bytes:
    """Mu-law of the same number of samples. Raises ValueError when `pcm` is not whole samples."""
    try:
        return audioop.lin2ulaw(pcm, WIDTH)
    except audioop.error as error:
        raise ValueError(str(error)) from None


def encode_a(pcm: bytes) -> bytes:
    """A-law of the same number of samples."""
    return audioop.lin2alaw(pcm, WIDTH)


def peak(pcm: bytes) -> int:
    """The largest absolute sample, 0 to 32768."""
    return audioop.max(pcm, WIDTH)


def rms(pcm: bytes) -> int:
    """The root mean square of the samples, 0 to 32768."""
    return audioop.rms(pcm, WIDTH)


def interleave(left: bytes, right: bytes) -> bytes:
    """Stereo PCM of two mono tracks of equal length.

    A pair is one 32-bit number, the left sample its lower half. Widening puts a sample into the upper half; two bytes
    less at the front put it into the lower one. This is four times as quick as audioop.tostereo, which uses floats.
    """
    lower = audioop.lin2lin(left, WIDTH, _WIDE)[WIDTH:] + bytes(WIDTH if left else 0)
    return audioop.add(lower, audioop.lin2lin(right, WIDTH, _WIDE), _WIDE)


def separate(stereo: bytes) -> tuple[bytes, bytes]:
    """The left and the right track of stereo PCM."""
    return _channel(stereo, 0, 2), _channel(stereo, 1, 2)


def to_pcm(samples: bytes, *, width: int, channels: int) -> bytes:
    """Mono 16-bit PCM of WAV sample data: `width` 1 to 4 bytes (1 is unsigned, as in WAV), channels averaged."""
    if width == 1:
        samples = audioop.bias(samples, 1, -128)
    pcm = audioop.lin2lin(samples, width, WIDTH)
    if channels == 1:
        return pcm
    mono = bytes(len(pcm) // channels)
    for channel in range(channels):
        mono = audioop.add(mono, audioop.mul(_channel(pcm, channel, channels), WIDTH, 1 / channels), WIDTH)
    return mono


def resample(pcm: bytes, rate: int, to_rate: int = RATE) -> bytes:
    """`pcm` at another rate. Going down, what the new rate cannot carry is filtered out first, so it does not alias."""
    if rate == to_rate or not pcm:
        return pcm
    if to_rate < rate:
        pcm = _low_pass(pcm, 0.45 * to_rate / rate, _TAPS * max(1, round(rate / _TAPS_UP_TO)) | 1)
    return audioop.ratecv(pcm, WIDTH, 1, rate, to_rate, None)[0]


def _channel(pcm: bytes, channel: int, channels: int) -> bytes:
    if channels == 2:
        return audioop.tomono(pcm, WIDTH, 1 - channel, channel)
    samples = memoryview(pcm).cast("h")
    return samples[channel::channels].tobytes()


def _low_pass(pcm: bytes, cutoff: float, n_taps: int) -> bytes:
    """A windowed-sinc filter, `cutoff` as a fraction of the rate. Each tap is one pass over the whole clip."""
    middle = n_taps // 2
    taps = [_tap(n - middle, cutoff, middle) for n in range(n_taps)]
    gain = sum(taps)
    wide = audioop.lin2lin(pcm, WIDTH, _WIDE)
    edge = bytes(middle * _WIDE)
    padded = edge + wide + edge
    total = bytes(len(wide))
    for n, tap in enumerate(taps):
        shifted = padded[n * _WIDE : n * _WIDE + len(wide)]
        total = audioop.add(total, audioop.mul(shifted, _WIDE, tap / gain), _WIDE)
    return audioop.lin2lin(total, _WIDE, WIDTH)


def _tap(offset: int, cutoff: float, middle: int) -> float:
    """The sinc at `offset` samples from the middle, under a Hamming window."""
    sinc = 2 * cutoff if offset == 0 else math.sin(2 * math.pi * cutoff * offset) / (math.pi * offset)
    return sinc * (0.54 + 0.46 * math.cos(math.pi * offset / middle))
