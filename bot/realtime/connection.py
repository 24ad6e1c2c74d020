"""One socket to a Realtime server: websockets' sans-I/O protocol on an asyncio transport, no task of its own.

Text comes out by callback in the same step in which the bytes came in; `send` writes before it returns. Compression is
off: base64 audio does not shrink (openai-realtime 1.1).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import cast
from urllib.parse import quote

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Protocol, Side, State
from websockets.uri import parse_uri

from bot.realtime.addresses import Addresses
from bot.realtime.failures import Failure, failure_of_close, failure_of_status
from bot.realtime.session import Dialect
from bot.websocket.framing import Framer, FrameReader

MAX_MESSAGE_BYTES = 16 * 2**20
CLOSE_S = 0.5
"""A closing handshake is given this long; then the socket is aborted."""
LOOK_S = 1.0
"""Seconds between two looks at whether the server has said anything. If not, it is asked for a sign of life: it answers
pings (openai-realtime 1.2), and anything else it says will do."""
SILENT_LOOKS = 3
"""Silent looks in a row after which the session is lost: three to four seconds."""
MAX_BUFFERED_BYTES = 4 * 2**20
"""Minutes of unsent caller audio: a server that reads this slowly is gone."""

OnText = Callable[[bytes], None]
OnLost = Callable[[Failure], None]
OnPong = Callable[[], None]


class ConnectError(Exception):
    """No session could be opened."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.reason}")
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address and credentials of a session. Without `addresses`, the host is looked up for each session.

    With Azure `model` is the deployment (openai-realtime 1.4).
    """

    url: str
    model: str
    api_key: str
    addresses: Addresses | None = field(default=None, compare=False)
    dialect: Dialect = "openai"
    credentials_of_servers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Credentials of remote MCP servers, by the names of their variables (bot.realtime.remote_server)."""

    @property
    def uri(self) -> str:
        joint = "&" if "?" in self.url else "?"
        return f"{self.url}{joint}model={quote(self.model, safe='')}"

    @property
    def credentials(self) -> tuple[str, str]:
        """Name and value of the header that says who we are."""
        if self.dialect == "azure":
            return "api-key", self.api_key
        return "Authorization", f"Bearer {self.api_key}"


@cache
def tls_context() -> ssl.SSLContext:
    """The TLS context of the process, made once: loading the certificates takes tens of milliseconds."""
    return ssl.create_default_context()


class RealtimeConnection(asyncio.Protocol):
    """One socket, opened by `open`. `on_text` gets each message; `on_lost` comes once, unless `close` came before.

    The first messages may come before `open` has returned, in the same packet as the handshake: `send` works by then.
    """

    def __init__(self, endpoint: Endpoint, on_text: OnText, on_lost: OnLost, on_pong: OnPong = lambda: None) -> None:
        self._endpoint = endpoint
        self._uri = parse_uri(endpoint.uri)
        self._protocol: Protocol = ClientProtocol(self._uri, max_size=MAX_MESSAGE_BYTES)
        self._on_text = on_text
        self._on_lost = on_lost
        self._on_pong = on_pong
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        self._closing = False
        self._open = False
        """True while messages may be written: from the upgrade to the first sign of an end."""
        self._abort_timer: asyncio.TimerHandle | None = None
        self._look_timer: asyncio.TimerHandle | None = None
        self._silent_looks = 0
        """Looks in a row that found nothing new."""
        self._fragments: list[bytes] = []
        self._framer = Framer()
        self._reader = FrameReader(self._judge, masked=False, most_bytes=MAX_MESSAGE_BYTES)
        self._reader.on_text = self._text
        self._read = self._judge
        self._upgrading = True
        self._head = b""

    # ---- asyncio's side ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but ancestry
        self._transport.set_write_buffer_limits(high=MAX_BUFFERED_BYTES)
        handshake = cast("ClientProtocol", self._protocol)
        request = handshake.connect()
        name, value = self._endpoint.credentials
        request.headers[name] = value
        handshake.send_request(request)
        self._write()

    def pause_writing(self) -> None:
        """Too much waits to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._silent_looks = -1  # with the next look: 0
        if self._upgrading:
            data = self._upgrade(data)
        if data:
            self._read(data)

    def _upgrade(self, data: bytes) -> bytes:
        """The answer to the upgrade goes to the library. Gives what came behind its head."""
        seen = self._head + data
        end = seen.find(b"\r\n\r\n") + 4
        if end < 4:
            self._head = seen[-3:]
            self._judge(data)
            return b""
        end -= len(self._head)
        self._upgrading = False
        self._judge(data[:end])
        if self._protocol.state is State.OPEN:
            self._protocol = Protocol(Side.CLIENT, max_size=MAX_MESSAGE_BYTES)  # the handshake's keeps its headers
            self._read = self._reader.feed
        return data[end:]

    def _judge(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._after_input()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._after_input()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._protocol.state is not State.CLOSED:
            self._protocol.receive_eof()
            self._events()
        for timer in (self._abort_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        if not self._gone.done():
            self._gone.set_result(None)
        failure = self._failure(exc)
        if not self._opened.done():
            self._opened.set_exception(ConnectError(failure))
        elif not self._closing:
            self._closing = True
            self._on_lost(failure)

    def _failure(self, exc: Exception | None) -> Failure:
        handshake = self._protocol.handshake_exc
        if isinstance(handshake, InvalidStatus):
            return failure_of_status(handshake.response.status_code)
        if isinstance(handshake, InvalidHandshake):
            return Failure("protocol", 0, f"the server's handshake is not WebSocket: {handshake}")
        code = self._protocol.close_code or 1006
        reason = self._protocol.close_reason or (str(exc) if exc else "")
        return failure_of_close(code, reason)

    def _after_input(self) -> None:
        self._open = self._protocol.state is State.OPEN
        self._events()
        self._write()
        if self._protocol.close_expected() and self._transport is not None and self._abort_timer is None:
            self._abort_timer = asyncio.get_running_loop().call_later(CLOSE_S, self._transport.abort)

    def _events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
            elif isinstance(event, Response) and self._protocol.handshake_exc is None and not self._opened.done():
                self._opened.set_result(None)
                self._watch()

    def _watch(self) -> None:
        """Look again in a while whether the server still lives."""
        self._look_timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        if self._closing or self._protocol.state is not State.OPEN:
            return
        self._silent_looks += 1
        if self._silent_looks == SILENT_LOOKS:
            self._lifeless()
            return
        if self._silent_looks == 1:
            self._protocol.send_ping(b"")
            self._write()
        self._watch()

    def _lifeless(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
        self._on_lost(Failure("timeout", 0, f"no sign of life for {SILENT_LOOKS * LOOK_S:g} s"))

    def _frame(self, frame: Frame) -> None:
        """A pong, or a part of a message in several, which is rare; whole messages do not come this way."""
        if frame.opcode is Opcode.PONG:
            self._on_pong()
        if frame.opcode not in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            return
        self._fragments.append(bytes(frame.data))
        self._reader.in_fragments = not frame.fin
        if frame.fin:
            whole, self._fragments = b"".join(self._fragments), []
            self._text(whole)

    def _text(self, text: bytes) -> None:
        if not self._closing:
            self._on_text(text)

    def _write(self) -> None:
        transport = self._transport
        if transport is None:
            return
        for data in self._protocol.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()
            else:
                transport.close()

    # ---- our side ----

    async def open(self, timeout_s: float) -> None:
        """Open the socket within `timeout_s`. Raises ConnectError."""
        uri = self._uri
        opened = False
        try:
            async with asyncio.timeout(timeout_s):
                connected = await (self._endpoint.addresses or Addresses(uri.host, uri.port)).connect()
                tls, name = (tls_context(), uri.host) if uri.secure else (None, None)
                await asyncio.get_running_loop().create_connection(
                    lambda: self, sock=connected, ssl=tls, server_hostname=name
                )
                await self._opened
            opened = True
        except TimeoutError:
            raise ConnectError(Failure("timeout", 0, f"no answer to the upgrade within {timeout_s:g} s")) from None
        except OSError as error:
            raise ConnectError(Failure("unreachable", 0, str(error))) from None
        finally:
            if not opened:
                await self.close()

    def hand_over(self, on_text: OnText, on_lost: OnLost, on_pong: OnPong) -> None:
        """Let others listen from now on. `on_pong`: a server that was silent for a while has shown that it lives."""
        self._on_text, self._on_lost, self._on_pong = on_text, on_lost, on_pong

    def send(self, text: bytes) -> None:
        """Write one message now. After the socket is lost it does nothing."""
        transport = self._transport
        if transport is None or not self._open or self._closing:
            return
        transport.write(self._framer.text(text))

    def send_all(self, texts: Sequence[bytes]) -> None:
        """The same with several, in one write."""
        transport = self._transport
        if transport is None or not self._open or self._closing:
            return
        transport.write(b"".join(map(self._framer.text, texts)))

    async def close(self) -> None:
        """Close within half a second: with a handshake if the server takes part in it, else without."""
        self._closing = True
        self._opened.cancel()
        transport = self._transport
        if transport is None:
            return
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                self._write()
            elif self._protocol.state is State.CONNECTING:
                transport.abort()
            await asyncio.wait([self._gone], timeout=CLOSE_S)
        finally:
            if not self._gone.done():
                transport.abort()
                await asyncio.wait([self._gone], timeout=CLOSE_S)
