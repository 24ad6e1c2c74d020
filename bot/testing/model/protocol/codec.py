"""The audio formats of a session: how long, how loud, and from mu-law into each (openai-realtime 2.1)."""

from __future__ import annotations

from array import array
from functools import cache

from bot.audio import mulaw

PCM, PCMU, PCMA = "audio/pcm", "audio/pcmu", "audio/pcma"
BYTES_PER_MS = {PCM: 48, PCMU: 8, PCMA: 8}
MULAW = tuple(array("h", mulaw.decode(bytes(range(256)))))
"""The 16-bit sample of each mu-law byte."""


def from_mulaw(audio: bytes, kind: str) -> bytes:
    """`audio` (mu-law, 8000 Hz) in the format `kind`; PCM is 24000 Hz, each sample three times."""
    if kind == PCMU:
        return audio
    if kind == PCMA:
        return audio.translate(_to_alaw())
    samples = _to_pcm()
    return b"".join([samples[byte] for byte in audio])


def loudness(window: bytes, kind: str) -> float:
    """Mean absolute amplitude of `window`, on the 16-bit scale."""
    if not window:
        return 0.0
    if kind == PCM:
        samples = array("h", window[: len(window) // 2 * 2])
        return sum(map(abs, samples)) / max(1, len(samples))
    return sum(map(_amplitudes(kind).__getitem__, window)) / len(window)


def alaw_sample(byte: int) -> int:
    """The 16-bit value of one A-law byte (G.711)."""
    flipped = byte ^ 0x55
    segment = (flipped & 0x70) >> 4
    size = ((flipped & 0x0F) << 4) + 8
    if segment:
        size = (size + 0x100) << (segment - 1)
    return size if flipped & 0x80 else -size


@cache
def _amplitudes(kind: str) -> tuple[int, ...]:
    samples = MULAW if kind == PCMU else map(alaw_sample, range(256))
    return tuple(map(abs, samples))


@cache
def _to_pcm() -> tuple[bytes, ...]:
    return tuple(sample.to_bytes(2, "little", signed=True) * 3 for sample in MULAW)


@cache
def _to_alaw() -> bytes:
    return bytes(min(range(256), key=lambda byte: abs(alaw_sample(byte) - sample)) for sample in MULAW)
