"""A Realtime server that says exactly the bytes it is told to: for what no WebSocket library would do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from typing import Literal

from websockets.frames import Frame, Opcode

from bot.testing.network.loopback import LoopbackServer

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE = 0x80 | Opcode.CLOSE
Manner = Literal[
    "ignores the close", "speaks with the handshake", "answers with bytes", "drops", "says nothing", "reads nothing"
]


def frame(data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    """A WebSocket frame as a server sends it."""
    return Frame(opcode, data, fin).serialize(mask=False)


class RawModel(LoopbackServer):
    """Accepts connections on loopback. `answer` is what follows the head of the 101, in the same write, or what stands
    instead of all of it. `got` is every byte that came after the request. `tls`: the certificate it shows.
    """

    def __init__(self, manner: Manner, answer: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.asked = asyncio.Event()
        self.head = b""
        self.got = bytearray()
        self.connections = 0
        self._manner = manner
        self._answer = answer

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/realtime"

    def write(self, data: bytes) -> None:
        """Send bytes on the latest connection."""
        self._writers[-1].write(data)

    def end(self) -> None:
        """End the latest connection once all is sent."""
        self._writers[-1].close()

    def abort(self) -> None:
        """Reset the latest connection."""
        self._writers[-1].transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.head = await reader.readuntil(b"\r\n\r\n")
            self.asked.set()
            self._reply(self.head, writer)
            if self._manner == "reads nothing":
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            while data := await reader.read(65_536):
                self.got += data
                if data[0] == _CLOSE and self._manner != "ignores the close":
                    break
            if self._manner != "ignores the close":
                writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    def _reply(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        if self._manner == "drops":
            writer.transport.abort()
        elif self._manner == "answers with bytes":
            writer.write(self._answer)
        elif self._manner != "says nothing":
            writer.write(_switch(head) + self._answer)


def _switch(head: bytes) -> bytes:
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    lines = (b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade")
    return b"\r\n".join((*lines, b"Sec-WebSocket-Accept: " + accept, b"", b""))
