"""The phone's WebSocket: websockets' sans-I/O protocol on the connection that the HTTP server accepted.

No task reads it: a message is fed to the call in the step in which its bytes came in, and a write is done before it
returns. The HTTP server's own protocol is put aside once the upgrade is answered, and told when the connection is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol, Side, State
from websockets.server import ServerProtocol

from bot.websocket.fair_reader import FairReader
from bot.websocket.framing import FrameReader, plain_text

MAX_MESSAGE_BYTES = 64 * 1024
CLOSE_S = 0.5
"""Seconds for a closing handshake; then the socket is aborted."""
FULL_BYTES = 64 * 1024
"""Bytes above which the transport gets no more media, so that little ever stands before a `clear`."""
UNREAD_BYTES = 1024 * 1024
"""Bytes that no phone leaves unread: one that asks for answers, with pings, and does not take them is let go."""
QUIET_S = 20.0
"""Seconds of silence after which a connection is pinged; silent for as long again, it is dead."""
ABNORMAL = 1006


class NoUpgrade(Exception):
    """The request is no WebSocket handshake; `status` is the HTTP answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"no WebSocket handshake: {status}")
        self.status = status


class PhoneSocket(asyncio.Protocol):
    """Gives text messages to who `listen`s, tells `on_binary` of others, and `on_lost` the close code, once."""

    def __init__(self, head: bytes) -> None:
        """`head` is the upgrade request as it came. Raises NoUpgrade."""
        handshake = ServerProtocol()
        handshake.receive_data(head)
        requests = handshake.events_received()
        if not requests:
            raise NoUpgrade(400)
        response = handshake.accept(cast("Request", requests[0]))
        if response.status_code != 101:
            raise NoUpgrade(response.status_code)
        handshake.send_response(response)
        self._answer = b"".join(handshake.data_to_send())
        self._protocol = Protocol(Side.SERVER, max_size=MAX_MESSAGE_BYTES)  # the handshake's keeps its headers
        self.on_binary: Callable[[], None] = _ignore
        self.on_lost: Callable[[int], None] = _ignore
        self._transport: asyncio.Transport | None = None
        self._http: asyncio.BaseProtocol | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader = FrameReader(self._judge, masked=True, most_bytes=MAX_MESSAGE_BYTES)
        self._reader.on_text = _ignore
        self._intake = FairReader(self._reader.feed)
        self._fragments = bytearray()
        self._fragments_of = Opcode.TEXT
        self._silent_looks = 0
        """Number of looks since something came."""
        self._timer: asyncio.TimerHandle | None = None

    def listen(self, on_text: Callable[[bytes], None]) -> None:
        self._reader.on_text = on_text

    # ---- asyncio's side ----

    def take(self, transport: asyncio.Transport) -> None:
        """Take the connection over from the HTTP server and answer the upgrade."""
        self._transport = transport
        self._http = transport.get_protocol()
        transport.set_protocol(self)
        self._intake.open(transport)
        transport.write(self._answer)
        self._timer = asyncio.get_running_loop().call_later(QUIET_S, self._look)

    def data_received(self, data: bytes) -> None:
        self._silent_looks = 0
        if self._intake.kept:
            self._intake.feed(data)
        elif not self._reader.whole(data):
            rest = self._reader.leading(data)
            if rest:
                self._intake.feed(rest)

    def _judge(self, frame: bytes) -> None:
        self._protocol.receive_data(frame)
        for event in self._protocol.events_received():
            self._frame(cast("Frame", event))
        self._reader.broken = self._protocol.state is not State.OPEN
        self._write()
        if self._transport is not None and self._transport.get_write_buffer_size() > UNREAD_BYTES:
            self._transport.abort()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._intake.close()
        if not self._gone.done():
            self._gone.set_result(None)
        self._transport = None  # uvloop's raises when it is written to
        self.on_lost(self._code())
        if self._http is not None:
            self._http.connection_lost(exc)

    def _code(self) -> int:
        """Close code of the peer, or else our own for what could not be read."""
        for close in (self._protocol.close_rcvd, self._protocol.close_sent):
            if close is not None:
                return int(close.code)
        return ABNORMAL

    def _frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.TEXT and frame.fin:
            self._reader.on_text(bytes(frame.data))
        elif opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            self._fragment(frame)

    def _fragment(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._fragments, self._fragments_of = bytearray(), frame.opcode
        self._fragments += frame.data
        self._reader.in_fragments = not frame.fin
        if not frame.fin:
            return
        whole, self._fragments = bytes(self._fragments), bytearray()
        if self._fragments_of is Opcode.TEXT:
            self._reader.on_text(whole)
        else:
            self.on_binary()

    def _look(self) -> None:
        """Half-open connections say nothing for ever."""
        if self._transport is None:
            return
        if self._silent_looks:
            if self._silent_looks > 1 or self._protocol.state is not State.OPEN:
                self._transport.abort()
                return
            self._protocol.send_ping(b"")
            self._write()
        self._silent_looks += 1
        self._timer = asyncio.get_running_loop().call_later(QUIET_S, self._look)

    def _write(self) -> None:
        transport = self._transport
        if transport is None:
            return
        for data in self._protocol.data_to_send():
            if data:
                transport.write(data)
            else:
                transport.close()

    # ---- our side ----

    def send_all(self, texts: Sequence[bytes]) -> None:
        """Write text messages now, in one go. After the socket is closed it does nothing."""
        if self._protocol.state is State.OPEN and self._transport is not None:
            self._transport.write(b"".join(map(plain_text, texts)))

    @property
    def full(self) -> bool:
        return self._transport is not None and self._transport.get_write_buffer_size() >= FULL_BYTES

    async def close(self) -> None:
        """Close within half a second: with a handshake if the phone takes part in it, else without."""
        transport = self._transport
        if transport is None:
            return
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                self._write()
            await asyncio.wait([self._gone], timeout=CLOSE_S)
        finally:
            if not self._gone.done():
                transport.abort()
                await asyncio.wait([self._gone], timeout=CLOSE_S)


def _ignore(*_: object) -> None:
    pass
