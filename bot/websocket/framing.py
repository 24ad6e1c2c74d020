"""WebSocket text frames, made and read at a fraction of the cost of the library's general way.

A call has a hundred of them a second. Only whole text frames are read here; the library judges all others.

RFC 6455, section 5.3, wants a mask that nobody can predict for each frame. The system's random bytes are fetched for a
thousand frames at a time. What is made here is held against the library's own parser in a test.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from itertools import chain

try:
    from websockets.speedups import apply_mask
except ImportError:  # the library was installed without its compiled part
    from websockets.utils import apply_mask

__all__ = ["FrameReader", "Framer", "plain_text"]

_MASKS_AT_ONCE = 1024
LEADING = 16
"""Text frames taken at once from the head of new data: a third of a second of a phone."""
_WHOLE_TEXT = 0x81
_MASKED = 0x80
_MEDIUM_BYTES = 65_535
"""The longest whose length stands in two bytes."""


def plain_text(data: bytes) -> bytes:
    """The unmasked frame, as a server sends it, that carries `data`, UTF-8 text."""
    size = len(data)
    if size < 126:
        return b"\x81" + bytes((size,)) + data
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data


def _masks() -> Iterator[Iterator[tuple[bytes]]]:
    while True:
        yield struct.iter_unpack("4s", os.urandom(4 * _MASKS_AT_ONCE))


_fresh_masks = chain.from_iterable(_masks())
"""Random masks, each once. The connections of a process share them: so they are fetched less."""


class Framer:
    """Makes frames for one connection."""

    def __init__(self) -> None:
        self._size = -1
        """Length of the last message, which is mostly that of the next, and the head that goes with it."""
        self._head = b""

    def text(self, data: bytes) -> bytes:
        """The frame that carries `data`, UTF-8 text."""
        (mask,), size = next(_fresh_masks), len(data)
        if size != self._size:
            self._size, self._head = size, _masked_head(size)
        return b"".join((self._head, mask, apply_mask(data, mask)))


def _masked_head(size: int) -> bytes:
    if size < 126:
        return bytes((_WHOLE_TEXT, _MASKED | size))
    if size < 65_536:
        return b"\x81\xfe" + size.to_bytes(2, "big")
    return b"\x81\xff" + size.to_bytes(8, "big")


class FrameReader:
    """Cuts a stream of bytes into frames (RFC 6455, section 5.2).

    The text of each whole frame goes to `on_text`; every other frame, whole, to `judge`, and so does all that follows
    a frame that may not be: one with or without a mask against `masked`, one of more than `most_bytes`, or one of which
    the judge said so by setting `broken`.
    """

    def __init__(self, judge: Callable[[bytes], None], *, masked: bool, most_bytes: int) -> None:
        self.on_text: Callable[[bytes], None] = judge
        self.in_fragments = False
        """True between the first and the last frame of a message in several: then a whole text frame is a fault too."""
        self.broken = False
        self._judge = judge
        self._masked = masked
        self._most_bytes = most_bytes
        self._shortest = 6 if masked else 2
        self._medium, self._medium_head = (b"\x81\xfe", 8) if masked else (b"\x81\x7e", 4)
        """First bytes of a whole text frame of 126 bytes to 64 KiB, and how many bytes stand before its text."""
        self._plain = most_bytes >= _MEDIUM_BYTES
        """True while a whole text frame of such a length may come next, and is no part of anything."""
        self._usual, self._usual_bytes = b"", -1
        """First bytes and length of the last of them, which are mostly those of the next."""
        self._rest: list[bytes] = []
        """The beginning of a frame, as it came, and how many bytes it has and must have before it is looked at."""
        self._rest_bytes = 0
        self._needed = 0

    def whole(self, data: bytes) -> bool:
        """Take `data` if it is just one text frame of up to 64 KiB, as nearly all are. True when it was taken."""
        if (len(data) != self._usual_bytes or data[:4] != self._usual) and not self._is_whole(data):
            return self._small(data)
        self.on_text(apply_mask(data[8:], data[4:8]) if self._masked else data[4:])
        return True

    def _small(self, data: bytes) -> bool:
        """Take `data` if it is one text frame of less than 126 bytes, as a mark's echo is. True when it was taken."""
        size, head = len(data) - self._shortest, self._shortest
        if not self._plain or not 0 <= size < 126 or data[:2] != bytes((_WHOLE_TEXT, size | _MASKED * self._masked)):
            return False
        self.on_text(apply_mask(data[head:], data[2:head]) if self._masked else data[head:])
        return True

    def _is_whole(self, data: bytes) -> bool:
        size = self._medium_head + int.from_bytes(data[2:4], "big")
        if not self._plain or data[:2] != self._medium or size != len(data):
            return False
        self._usual, self._usual_bytes = data[:4], size
        return True

    def leading(self, data: bytes) -> bytes:
        """Take some of the text frames of 126 bytes to 64 KiB that `data` begins with, and give back the rest.

        A reader that is behind gets several at once, and must not take longer over each for that.
        """
        at, head = 0, self._medium_head
        for _ in range(LEADING):
            after = at + head + int.from_bytes(data[at + 2 : at + 4], "big")
            if not self._plain or data[at : at + 2] != self._medium or after > len(data):
                break
            text = data[at + head : after]
            self.on_text(apply_mask(text, data[at + 4 : at + 8]) if self._masked else text)
            at = after
        return data[at:] if at else data

    def feed(self, data: bytes) -> None:
        """Take more bytes."""
        if self.whole(data):
            return
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
        self._plain = not (self._rest or self.in_fragments or self.broken) and self._most_bytes >= _MEDIUM_BYTES
        if not self._plain:
            self._usual_bytes = -1

    def _frames(self, data: bytes) -> int:
        """Read the whole frames in `data`, and give the place of the first that is not whole."""
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
