"""The simulated Realtime server on a loopback socket: one SimulatedModel per connection, in real time.

A browser shows its key as a subprotocol (openai-realtime 1.1). Stricter than the real one, this server takes nothing
from a page but a client secret made here: it listens on the machine of a person who has other pages open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from aiohttp import web
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from bot.realtime.session import Dialect
from bot.server.setup.port_end import accept_no_more
from bot.testing.agent import ScriptedAgent, Spoken
from bot.testing.model.client_secrets import PREFIX, ClientSecrets
from bot.testing.model.post_or_socket import SilentConnections, post_or_socket
from bot.testing.model.simulated import SimulatedModel
from bot.testing.model.state.behaviour import ABNORMAL, Behaviour, Refusal

PATHS: dict[Dialect, str] = {"openai": "/v1/realtime", "azure": "/openai/v1/realtime", "xai": "/v1/realtime"}
RETIRED = frozenset({"api-version", "deployment"})
"""Query parameters of Azure's retired preview protocol (openai-realtime 1.4)."""
MAX_MESSAGE_BYTES = 21 * 1024 * 1024
"""15 MiB of audio in base64, and its envelope (openai-realtime 1.1)."""
_CLOSE_S = 0.5
SUBPROTOCOL = Subprotocol("realtime")
KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""What a browser says first, which can send no header, and before its key."""


class Door(msgspec.Struct, frozen=True):
    """The server's answer to the upgrade, before there is a session.

    `http_status`: refused by the edge with this status. `unanswered`: never answered at all. `keys`: the bearer keys
    that are valid, None for any. `models`: the models that exist, None for any.
    """

    http_status: int | None = None
    unanswered: bool = False
    keys: frozenset[str] | None = None
    models: frozenset[str] | None = None


Factory = Callable[[str], SimulatedModel]
"""Makes the session of one connection, given its model; it opens at 0 us of a clock of its own."""


class SimulatedRealtimeServer:
    """`async with SimulatedRealtimeServer(factory) as server:` and dial `server.url` with any bearer key.

    `dialect` is that of the handshake; the factory's sessions have their own. Azure takes its key in `api-key`, and
    refuses in HTTP what the others refuse after the upgrade. `sessions` keeps the model of every connection that got
    one, refused handshakes left out, unless `keep_sessions` is off, for a server that runs for long; `door` may be
    replaced at any time and counts for the next upgrade.
    """

    def __init__(
        self,
        factory: Factory,
        *,
        door: Door | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        dialect: Dialect = "openai",
        keep_sessions: bool = True,
    ) -> None:
        self._keep_sessions = keep_sessions
        self.dialect = dialect
        self.door = Door() if door is None else door
        self.sessions: list[SimulatedModel] = []
        self.asked = asyncio.Event()
        """Set once an upgrade was asked for."""
        self.secrets = ClientSecrets(self._known)
        self._silent = SilentConnections()
        self._factory = factory
        self._address = (host, port)
        self._open: set[ServerConnection] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = asyncio.Event()
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        host, port = self._address
        app = web.Application()
        app.router.add_post(f"{PATHS[self.dialect]}/client_secrets", self.secrets.make)
        self._posts = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._posts.setup()
        assert self._posts.server is not None
        self._server = await serve(
            self._session,
            host,
            port,
            process_request=self._upgrade,
            select_subprotocol=_subprotocol,
            create_connection=post_or_socket(self._posts.server, self._silent),
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            open_timeout=None,
            close_timeout=_CLOSE_S,
            ping_interval=20,
            ping_timeout=20,
        )
        self._address = self._server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._closing.set()
        await accept_no_more(self._server.sockets)
        self._server.close()
        self._silent.drop()
        await self._posts.cleanup()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        host, port = self._address
        return f"ws://{host}:{port}{PATHS[self.dialect]}"

    @property
    def open_sessions(self) -> int:
        """Number of connections that are open now."""
        return len(self._open)

    async def idle(self) -> None:
        """Return when no connection is open."""
        await self._idle.wait()

    def abort(self) -> None:
        """Drop every open connection without a closing handshake."""
        for socket in list(self._open):
            socket.transport.abort()

    def hang(self) -> None:
        """Every session there is says nothing more, while its socket lives on and answers pings."""
        for session in self.sessions:
            session.hang()

    async def close_sessions(self, code: int, reason: str = "") -> None:
        """Close every open connection with this code."""
        await asyncio.gather(*(socket.close(code, reason) for socket in list(self._open)))

    async def _upgrade(self, socket: ServerConnection, request: Request) -> Response | None:
        self.asked.set()
        if self.door.unanswered:
            await self._closing.wait()
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "closing\n")
        if self.door.http_status is not None:
            return socket.respond(HTTPStatus(self.door.http_status), "refused at the edge\n")
        if urlsplit(request.path).path != PATHS[self.dialect]:
            return socket.respond(HTTPStatus.NOT_FOUND, "no such endpoint\n")
        status = self._azure_refuses(request) if self.dialect == "azure" else None
        return None if status is None else socket.respond(status, "refused\n")

    def _azure_refuses(self, request: Request) -> HTTPStatus | None:
        query = parse_qs(urlsplit(request.path).query)
        key, model = request.headers.get("api-key", ""), query.get("model", [""])[0]
        if RETIRED & query.keys():
            return HTTPStatus.BAD_REQUEST
        if not key or (self.door.keys is not None and key not in self.door.keys):
            return HTTPStatus.UNAUTHORIZED
        if not model or (self.door.models is not None and model not in self.door.models):
            return HTTPStatus.NOT_FOUND
        return None

    async def _session(self, socket: ServerConnection) -> None:
        """Serve one connection, from its 101 to its close."""
        assert socket.request is not None
        name = parse_qs(urlsplit(socket.request.path).query).get("model", [""])[0]
        brought = self.secrets.session(_key(socket.request))
        if brought is not None:
            name = brought.get("model", name)
        refusal = None if self.dialect == "azure" else self._refusal(socket.request, name)
        if refusal is None:
            model = self._factory(name)
            model.expires(int(time.time()))
            if brought is not None:
                model.begin_with(brought)
            if self._keep_sessions:
                self.sessions.append(model)
        else:
            model = SimulatedModel(_SILENT, Behaviour(refusal=refusal))
        self._open.add(socket)
        self._idle.clear()
        try:
            await _Run(socket, model).until_closed()
        finally:
            self._open.discard(socket)
            if not self._open:
                self._idle.set()

    def _refusal(self, request: Request, model: str) -> Refusal | None:
        """The fault of the handshake, if any; told after the 101, as the real server does (openai-realtime 1.3)."""
        if "OpenAI-Beta" in request.headers:
            return "beta_api_shape_disabled"
        key = _key(request)
        if not key:
            return "missing_bearer"
        from_a_page = "Origin" in request.headers
        if not (self.secrets.session(key) if from_a_page or key.startswith(PREFIX) else self._known(key)):
            return "invalid_api_key"
        if not model:
            return "missing_model"
        if self.door.models is not None and model not in self.door.models:
            return "invalid_model"
        return None

    def _known(self, key: str) -> bool:
        return self.door.keys is None or key in self.door.keys


def _key(request: Request) -> str:
    """The key that a client shows, in the header or, as a browser does, among its subprotocols."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        return key
    offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    return next((one.removeprefix(KEY_SUBPROTOCOL) for one in offered if one.startswith(KEY_SUBPROTOCOL)), "")


def _subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The one that is spoken; a browser that offered any and is told none hangs up."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


class _Run:
    """Drives one model by the loop's clock, whose zero is when the socket opened: deadlines never add up."""

    def __init__(self, socket: ServerConnection, model: SimulatedModel) -> None:
        self._socket = socket
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()

    def _now_us(self) -> int:
        return int((self._loop.time() - self._origin) * 1_000_000)

    async def until_closed(self) -> None:
        try:
            while self._model.closed is None:
                await self._say_what_is_due()
                if self._model.closed is None:
                    await self._listen()
            await self._say_what_is_due()
            await self._close(*self._model.closed)
        except ConnectionClosed:
            self._model.disconnected(self._now_us())

    async def _say_what_is_due(self) -> None:
        for text in self._model.due(self._now_us()):
            await self._socket.send(text)

    async def _listen(self) -> None:
        """Wait for one message, or for the time of the next thing to do."""
        next_us = self._model.next_us()
        deadline = None if next_us is None else self._origin + next_us / 1_000_000
        try:
            async with asyncio.timeout_at(deadline):
                message = await self._socket.recv()
        except TimeoutError:
            return
        if isinstance(message, str):
            self._model.receive(message, self._now_us())
        else:
            self._model.receive_binary(self._now_us())

    async def _close(self, code: int, reason: str) -> None:
        if code == ABNORMAL:
            self._socket.transport.abort()
        else:
            await self._socket.close(code, reason)


_SILENT = ScriptedAgent([Spoken(b"")])
