"""Servers whose port is closed in the very turn in which they accept a connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from bot.server.http import http_shutdown
from bot.server.http.app_keys import Listener
from bot.testing.agent import ScriptedAgent
from bot.testing.model import SimulatedModel
from bot.testing.model.responses_server import SimulatedResponsesServer
from bot.testing.model.server import SimulatedRealtimeServer
from bot.testing.network.loopback import LoopbackServer
from bot.testing.twilio.simulated_twilio import SimulatedTwilio
from tests.server.leaks import anything_left, open_sockets
from tests.server.simulated_server import GREETING, until

pytestmark = pytest.mark.both_loops

TURNS = range(6)
"""Turns of the loop between the kernel's connection and the close."""
Close = Callable[[], Awaitable[object]]
REQUEST = b"GET / HTTP/1.1\r\nHost: bot.example.com\r\n\r\n"


def _port(url: str) -> int:
    return urlsplit(url).port or 0


async def _ours() -> tuple[int, Close]:
    runner = web.AppRunner(web.Application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner.addresses[0][1], lambda: http_shutdown.close(runner)


async def _twilio() -> tuple[int, Close]:
    server = await SimulatedTwilio().__aenter__()
    return _port(server.url), lambda: server.__aexit__(None, None, None)


async def _model() -> tuple[int, Close]:
    server = await SimulatedRealtimeServer(lambda _: SimulatedModel(ScriptedAgent([GREETING]))).__aenter__()
    return _port(server.url), lambda: server.__aexit__(None, None, None)


async def _responses() -> tuple[int, Close]:
    server = await SimulatedResponsesServer().__aenter__()
    return _port(server.url), lambda: server.__aexit__(None, None, None)


async def _leaving() -> tuple[int, Close]:
    runner = web.AppRunner(web.Application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    listener = Listener()
    listener.site = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.site.start()

    async def close() -> None:
        await listener.leave()
        await http_shutdown.close(runner)

    return runner.addresses[0][1], close


class _Mute(LoopbackServer):
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()


async def _loopback() -> tuple[int, Close]:
    server = await _Mute().__aenter__()
    return server.port, lambda: server.__aexit__(None, None, None)


@asynccontextmanager
async def _connected_as_it_closes(server: tuple[int, Close], turns: int) -> AsyncIterator[socket.socket]:
    port, close = server
    with socket.create_connection(("127.0.0.1", port)) as client:  # the kernel's doing: the loop has not looked yet
        client.setblocking(False)
        client.send(REQUEST)
        for _ in range(turns):
            await asyncio.sleep(0)
        await close()
        yield client


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("serve", [_ours, _leaving, _twilio, _model, _responses, _loopback])
async def test_no_connection_outlives_the_server_that_accepted_it(
    serve: Callable[[], Awaitable[tuple[int, Close]]], turns: int
) -> None:
    before = open_sockets()
    async with _connected_as_it_closes(await serve(), turns):
        pass
    await until(lambda: not anything_left(before))


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("serve", [_ours, _leaving])
async def test_whoever_was_let_in_is_answered(serve: Callable[[], Awaitable[tuple[int, Close]]], turns: int) -> None:
    async with _connected_as_it_closes(await serve(), turns) as client:
        answer = b"refused"
        with suppress(ConnectionResetError):
            answer = client.recv(4096)
        assert answer.startswith((b"HTTP/1.1 404 ", b"refused"))
        assert turns < 2 or answer != b"refused"
