"""Audio between the formats of a session and what the models take and give: 16-bit PCM of 8 or 24 kHz."""

from __future__ import annotations

from typing import NamedTuple

from bot.audio import mulaw
from bot.audio.payload import SILENCE_BYTE
from bot.audio.resampling import Down, Up
from bot.testing.agent import PER_MS, TOKEN_MS

PCM, PCMU, PCMA = "audio/pcm", "audio/pcmu", "audio/pcma"
_SILENCE = {PCM: b"\x00", PCMU: bytes([SILENCE_BYTE]), PCMA: b"\xd5"}
_TAIL = bytes(48)
"""Silence that drives the last of a sentence out of the filter: 24 samples at 24 kHz."""


class Pcm(NamedTuple):
    """16-bit samples at `rate`."""

    samples: bytes
    rate: int


def heard(audio: bytes, audio_format: str) -> Pcm:
    """A session's audio as samples, at the rate it has."""
    if audio_format == PCM:
        return Pcm(audio[: len(audio) // 2 * 2], 24_000)
    return Pcm(mulaw.decode(audio) if audio_format == PCMU else mulaw.decode_a(audio), mulaw.RATE)


def spoken(pcm: Pcm, audio_format: str) -> bytes:
    """Samples as a session has them, with silence at the end up to a whole number of tokens."""
    if audio_format == PCM:
        audio = pcm.samples if pcm.rate == 24_000 else Up()(pcm.samples)
    else:
        narrow = pcm.samples if pcm.rate == mulaw.RATE else Down()(pcm.samples + _TAIL)
        audio = mulaw.encode(narrow) if audio_format == PCMU else mulaw.encode_a(narrow)
    missing = -len(audio) % (TOKEN_MS * PER_MS[audio_format])
    return audio + _SILENCE[audio_format] * missing
