"""The time of sending, inside the audio: its receiver knows how long it was on its way.

A stamp takes the first nine bytes of a payload, twelve characters of base64: seven bytes of time.monotonic_ns, which is
one clock for all processes of a machine, and two of the call's number. It survives every bridge that leaves base64 alone.
"""

from __future__ import annotations

import base64
import time
from binascii import a2b_base64, b2a_base64

CHARS = 12
_BYTES = 9
_TIME_MASK = (1 << 56) - 1
NOBODY = 0xFFFF
"""Silence filled in by the bridge is 0xFF throughout, so it reads as a stamp of this call."""


def now_ns() -> int:
    """The clock of stamps."""
    return time.monotonic_ns() & _TIME_MASK


def stamp(ns: int, call: int) -> bytes:
    """Twelve characters of base64."""
    return b2a_base64((ns << 16 | call).to_bytes(_BYTES, "big"), newline=False)


def read_stamp(text: bytes, at: int) -> tuple[int, int]:
    """The time and the call of the stamp whose characters begin at `at`."""
    value = int.from_bytes(a2b_base64(text[at : at + CHARS]), "big")
    return value >> 16, value & 0xFFFF


def filler(n_bytes: int) -> bytes:
    """The rest of a payload of `n_bytes` behind its stamp, as base64."""
    return base64.b64encode(bytes(at % 251 for at in range(n_bytes - _BYTES)))
