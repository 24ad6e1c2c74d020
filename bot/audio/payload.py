"""Payloads: base64 text of mu-law audio at 8000 Hz, as both wires carry it. 8 bytes are 1 ms."""

from __future__ import annotations

import binascii

BYTES_PER_MS = 8
FRAME_BYTES = 160
"""20 ms, the size of Twilio's frames in practice; never a promise (twilio-voice.md, section 4)."""
SILENCE_BYTE = 0xFF
MAX_MEDIA_CHARS = 64_000
"""48,000 bytes of audio in base64: the most that goes into one outbound media message."""


def payload_bytes(payload: str) -> int:
    """How many bytes of audio `payload` holds. Raises ValueError unless it is strict, padded base64."""
    return len(binascii.a2b_base64(payload, strict_mode=True))


def silence(n_bytes: int) -> str:
    """Base64 of `n_bytes` of mu-law silence (0xFF)."""
    triples, rest = divmod(n_bytes, 3)
    return "////" * triples + ("", "/w==", "//8=")[rest]


def split(payload: str) -> list[str]:
    """`payload` in pieces of at most 48,000 bytes, each valid base64 by itself."""
    if len(payload) <= MAX_MEDIA_CHARS:
        return [payload]
    return [payload[at : at + MAX_MEDIA_CHARS] for at in range(0, len(payload), MAX_MEDIA_CHARS)]
