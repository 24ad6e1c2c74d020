"""DTMF: the two tones of each key of a telephone, made and found in mu-law (ITU-T Q.23, Q.24)."""

from __future__ import annotations

import array
import math

from bot.audio.mulaw import RATE, decode, encode

KEYS = "123A456B789C*0#D"
LOW_HZ, HIGH_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
AMPLITUDE = 8_000
"""Amplitude of each of the two: -9 dBm0 together, as telephones send them."""
SHARE = 0.5
"""Part of the energy that lies in the two tones of a key: nearly all of a clean one, a few hundredths of speech."""
TWIST = 16.0
"""The most that one of them is stronger: 12 dB, more than Q.24 asks a receiver to take."""
FAINTEST = 100
"""The root mean square below which it is no tone for anybody."""


def tone(key: str, ms: int) -> bytes:
    """Mu-law of a key that is held for so long."""
    row, column = divmod(KEYS.index(key), 4)
    low, high = (2 * math.pi * hz / RATE for hz in (LOW_HZ[row], HIGH_HZ[column]))
    samples = (AMPLITUDE * (math.sin(low * at) + math.sin(high * at)) for at in range(ms * RATE // 1000))
    return encode(array.array("h", map(round, samples)).tobytes())


def key_of(audio: bytes) -> str:
    """The key whose tones are in mu-law `audio`, some 10 to 40 ms of it; empty for none."""
    samples = array.array("h", decode(audio))
    energy = sum(sample * sample for sample in samples)
    if energy < FAINTEST * FAINTEST * len(samples) or not samples:
        return ""
    low = [_power(samples, hz) for hz in LOW_HZ]
    high = [_power(samples, hz) for hz in HIGH_HZ]
    best = max(low), max(high)
    # of a sine of N samples the power is N * energy / 2
    if 2 * sum(best) < SHARE * energy * len(samples) or max(best) > TWIST * min(best):
        return ""
    return KEYS[low.index(best[0]) * 4 + high.index(best[1])]


def _power(samples: array.array[int], hz: int) -> float:
    """Goertzel's: the power of one frequency."""
    turn = 2 * math.cos(2 * math.pi * hz / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    return last * last + before * before - turn * last * before
