"""Payloads: base64 text of mu-law audio at 8000 Hz, as both wires carry it. 8 bytes are 1 ms."""

from __future__ import annotations

import string

BYTES_PER_MS = 8
US_PER_BYTE = 1_000 // BYTES_PER_MS
FRAME_BYTES = 160
"""20 ms, the size of Twilio's frames in practice; never a promise (twilio-voice 4)."""
SILENCE_BYTE = 0xFF
MAX_MEDIA_CHARS = 64_000
"""48,000 bytes of audio in base64: the most that goes into one outbound media message."""


_ALPHABET = (string.ascii_letters + string.digits + "+/").encode()
_PADDINGS: dict[bytes, str | tuple[str, ...]] = {b"": "", b"=": "=", b"==": "=="}


def check(payload: str) -> None:
    """Raises ValueError unless `payload` is base64 padded as it must be (RFC 4648, section 4). Once, where it is read.

    Deleting the alphabet and looking at the rest is quicker than decoding, and sees padding that a decoder overlooks.
    Nothing ends with one of no endings.
    """
    padding = _PADDINGS.get(payload.encode().translate(None, _ALPHABET), ())
    if len(payload) % 4 or not payload.endswith(padding):
        raise ValueError("not padded base64")


def payload_bytes(payload: str) -> int:
    """Bytes of audio in a checked `payload`, from its length and padding (how-it-works ledger 1)."""
    return len(payload) // 4 * 3 - payload.count("=", -2)


def silence(n_bytes: int) -> str:
    """Base64 of `n_bytes` of mu-law silence (0xFF)."""
    triples, rest = divmod(n_bytes, 3)
    return "////" * triples + ("", "/w==", "//8=")[rest]


def split(payload: str) -> list[str]:
    """`payload` in pieces of at most 48,000 bytes, each valid base64 by itself."""
    if len(payload) <= MAX_MEDIA_CHARS:
        return [payload]
    return [payload[at : at + MAX_MEDIA_CHARS] for at in range(0, len(payload), MAX_MEDIA_CHARS)]
