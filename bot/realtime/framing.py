"""WebSocket text frames, made and read at a fraction of the cost of the library's general way.

A call has a hundred of them a second. Only whole text frames are read here; the library judges all others.

RFC 6455, section 5.3, wants a mask that nobody can predict for each frame. The system's random bytes are fetched for a
thousand frames at a time. What is made here is held against the library's own parser in a test.
"""

from __future__ import annotations

import os
from collections.abc import Callable

try:
    from websockets.speedups import apply_mask
except ImportError:  # the library was installed without its compiled part
    from websockets.utils import apply_mask

__all__ = ["FrameReader", "Framer", "plain_text"]

_MASKS_AT_ONCE = 1024
_FIN_TEXT = b"\x81"
_WHOLE_TEXT = 0x81
_MASKED = 0x80


def plain_text(data: bytes) -> bytes:
    """The unmasked frame, as a server sends it, that carries `data`, UTF-8 text."""
    size = len(data)
    if size < 126:
        return b"\x81" + bytes((size,)) + data
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data


class Framer:
    """Makes frames for one connection."""

    def __init__(self) -> None:
        self._masks = b""
        self._at = 0

    def text(self, data: bytes) -> bytes:
        """The frame that carries `data`, UTF-8 text."""
        at = self._at
        if at == len(self._masks):
            self._masks = os.urandom(4 * _MASKS_AT_ONCE)
            at = 0
        self._at = at + 4
        mask = self._masks[at : at + 4]
        size = len(data)
        if size < 126:
            head = bytes((_MASKED | size,))
        elif size < 65_536:
            head = b"\xfe" + size.to_bytes(2, "big")
        else:
            head = b"\xff" + size.to_bytes(8, "big")
        return b"".join((_FIN_TEXT, head, mask, apply_mask(data, mask)))


class FrameReader:
    """Cuts a stream of bytes into frames (RFC 6455, section 5.2).

    The text of each whole frame goes to `on_text`; every other frame, whole, to `judge`, and so does all that follows
    a frame that may not be: one with or without a mask against `masked`, one of more than `most_bytes`, or one of which
    the judge said so by setting `broken`.
    """

    def __init__(self, judge: Callable[[bytes], None], *, masked: bool, most_bytes: int) -> None:
        self.on_text: Callable[[bytes], None] = judge
        self.in_fragments = False
        """Between the first and the last frame of a message in several: then a whole text frame is a fault too."""
        self.broken = False
        self._judge = judge
        self._masked = masked
        self._most_bytes = most_bytes
        self._shortest = 6 if masked else 2
        self._rest: list[bytes] = []
        """The beginning of a frame, as it came, and how many bytes it has and must have before it is looked at."""
        self._rest_bytes = 0
        self._needed = 0

    def feed(self, data: bytes) -> None:
        """More bytes have come."""
        if self._rest:
            self._rest.append(data)
            self._rest_bytes += len(data)
            if self._rest_bytes < self._needed:
                return
            data = b"".join(self._rest)
            self._rest = []
        at = self._frames(data)
        if at < len(data):
            self._rest = [data[at:]]
            self._rest_bytes = len(data) - at

    def _frames(self, data: bytes) -> int:
        """Read the whole frames in `data`: where the first begins that is not whole."""
        at, end, shortest = 0, len(data), self._shortest
        self._needed = shortest
        while end - at >= shortest and not self.broken:
            size, head = data[at + 1] & 0x7F, shortest
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), shortest + 2
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), shortest + 8
            if size > self._most_bytes or (data[at + 1] >= _MASKED) is not self._masked:
                self.broken = True
                break
            after = at + head + size
            if after > end:
                self._needed = after - at
                break
            if data[at] == _WHOLE_TEXT and not self.in_fragments:
                text = data[at + head : after]
                self.on_text(apply_mask(text, data[at + head - 4 : at + head]) if self._masked else text)
            else:
                self._judge(data[at:after])
            at = after
        if not self.broken:
            return at
        if at < end:
            self._judge(data[at:])
        return end
