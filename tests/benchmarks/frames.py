"""WebSocket frames by hand (RFC 6455, section 5.2): the load generators must cost less than what they load."""

from __future__ import annotations

import base64
import hashlib

from websockets.frames import Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without a build of it: slower generators, which the table then tells
    from websockets.utils import apply_mask

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_NO_MASK = bytes(4)
"""A mask of zeros, which is legal: the frame counts as masked, and its reader has the same work to unmask it."""

Frame = tuple[int, bytes]
"""The opcode and the unmasked payload."""


def accept_key(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def server_frame(payload: bytes, opcode: int = Opcode.TEXT) -> bytes:
    """A whole frame as a server sends it."""
    return _head(opcode, len(payload), 0) + payload


def client_frame(payload: bytes, opcode: int = Opcode.TEXT) -> bytes:
    """A whole frame as a client sends it."""
    return _head(opcode, len(payload), 0x80) + _NO_MASK + payload


def _head(opcode: int, length: int, masked: int) -> bytes:
    if length < 126:
        return bytes((0x80 | opcode, masked | length))
    if length < 65_536:
        return bytes((0x80 | opcode, masked | 126, length >> 8, length & 255))
    return bytes((0x80 | opcode, masked | 127)) + length.to_bytes(8, "big")


class FrameReader:
    """Cuts a stream of bytes into frames. Neither side of a benchmark fragments its messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole by now."""
        if self._rest:
            data = self._rest + data
        frames: list[Frame] = []
        at, end = 0, len(data)
        while end - at >= 2:
            body, stop = _extent(data, at, end)
            if not body or stop > end:
                break
            payload = data[body:stop]
            if data[at + 1] & 0x80:
                payload = apply_mask(payload, data[body - 4 : body])
            frames.append((data[at] & 0x0F, payload))
            at = stop
        self._rest = data[at:]
        return frames


def _extent(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Begin and end of the payload of the frame at `at`; (0, 0) while its head is not whole."""
    length, body = data[at + 1] & 0x7F, at + 2
    if length == 126:
        body = at + 4
        length = int.from_bytes(data[at + 2 : body], "big")
    elif length == 127:
        body = at + 10
        length = int.from_bytes(data[at + 2 : body], "big")
    if data[at + 1] & 0x80:
        body += 4
    return (body, body + length) if body <= end else (0, 0)
