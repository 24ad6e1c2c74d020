"""The beep of a voicemail: a tone of one frequency that lasts for a moment, found in a line's mu-law audio.

A pure tone obeys x[n+1] + x[n-1] = c * x[n], where c tells its frequency; the share of its energy that does not is
next to nothing. Speech, music, a keypad's two tones and a ringing tone's leave far more of theirs, or do not stay at
one frequency.
"""

from __future__ import annotations

import base64
from array import array
from math import acos, pi
from typing import NamedTuple

from bot.audio import mulaw

LOWEST_HZ, HIGHEST_HZ = 350, 2_300
LOUD = 400
"""The mean of the samples' squares, rooted, up to 32768: a beep is as loud as a voice."""
IMPURE = 0.02
"""Share of a tone's energy that line noise may make of it; of a vowel it is ten times that."""
STEADY = 0.03
"""Share by which the frequency may change from frame to frame."""
SHORTEST_MS = 160
LONGEST_MS = 1_500
"""Longer than any beep: a ringing tone, a fax."""
ALONE_MS = 100
"""Time without a tone behind a beep, and before it: tones in a row are a network's, before `not in service`."""
_FRAME_MS = 20


class Beep(NamedTuple):
    """A tone that was heard to its end."""

    hz: int
    ms: int


class BeepEar:
    """Hears one line, frame by frame, for as long as that matters: some 90 us each."""

    def __init__(self) -> None:
        self._hz = 0.0
        self._ms = 0
        self._quiet_ms = ALONE_MS
        self._alone = True
        """There was no other tone right before."""

    def hear(self, payload: str) -> Beep | None:
        """Take a frame as it came, base64 mu-law. The beep that was over a moment before it, if one was."""
        hz = tone_of(mulaw.decode(base64.b64decode(payload)))
        if not hz:
            self._quiet_ms += _FRAME_MS
            return self._over() if self._quiet_ms == ALONE_MS else None
        goes_on = self._ms and self._quiet_ms < 2 * _FRAME_MS and abs(hz - self._hz) <= STEADY * self._hz
        if goes_on:
            self._ms += _FRAME_MS
        else:
            self._alone = self._quiet_ms >= ALONE_MS
            self._hz, self._ms = hz, _FRAME_MS
        self._quiet_ms = 0
        return None

    def _over(self) -> Beep | None:
        hz, ms, self._ms = round(self._hz), self._ms, 0
        return Beep(hz, ms) if self._alone and SHORTEST_MS <= ms <= LONGEST_MS else None


def tone_of(pcm: bytes) -> float:
    """The frequency of 16-bit samples that are one tone; 0 for all else."""
    x = array("h", pcm)
    n = len(x) - 2
    if n < 1:
        return 0.0
    middle = x[1:-1]
    sums = [x[i] + x[i + 2] for i in range(n)]
    energy = sum(one * one for one in middle)
    if energy < LOUD * LOUD * n:
        return 0.0
    c = sum(one * both for one, both in zip(middle, sums, strict=True)) / energy
    if not -2 < c < 2:
        return 0.0
    rest = sum(both * both for both in sums) - c * c * energy
    hz = acos(c / 2) / (2 * pi) * mulaw.RATE
    pure = rest <= IMPURE * energy
    return hz if pure and LOWEST_HZ <= hz <= HIGHEST_HZ else 0.0
