"""Connections that bring no request: closed in time, while what is in use stays open."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress

import pytest
from aiohttp import web

from bot.server.http import app
from tests.server.simulated_server import standing, until
from tests.waiting import GIVE_UP_S

pytestmark = pytest.mark.both_loops

QUIET_S = 0.15
HEAD = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"


async def opened(origin: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(origin.rpartition(":")[2]))


async def dribble(writer: asyncio.StreamWriter, line: bytes) -> None:
    """A byte at a time, each sooner than any limit on silence."""
    for letter in line:
        writer.write(bytes([letter]))
        await asyncio.sleep(QUIET_S / 20)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.IDLE_CONNECTION_S <= 10
    monkeypatch.setattr(app, "IDLE_CONNECTION_S", QUIET_S)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "slowly", [b"", b"\r\n", HEAD + b"X-Slow: " + b"a" * 1000], ids=["nothing", "a line", "a head"]
)
async def test_a_request_that_does_not_come_whole_is_not_waited_for(slowly: bytes) -> None:
    async with standing() as desk:
        reader, writer = await opened(desk.origin)
        dribbling = asyncio.create_task(dribble(writer, slowly))
        try:
            with suppress(ConnectionResetError):  # as good a close: it had bytes on the way
                async with asyncio.timeout(GIVE_UP_S):
                    assert await reader.read() == b""
        finally:
            dribbling.cancel()
            writer.transport.abort()


@pytest.mark.parametrize("path", [b"/healthz", b"/nowhere"])
async def test_a_connection_serves_one_request(path: bytes) -> None:
    """So that none is closed under a request that is on its way, as idle or as the server stops."""
    async with standing() as desk:
        reader, writer = await opened(desk.origin)
        writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(GIVE_UP_S):
            answer = await reader.read()
        assert b"\r\nConnection: close\r\n" in answer
        writer.close()


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/voice"), ("GET", "/media/forged"), ("GET", "/nowhere"), ("PUT", "/voice")]
)
async def test_a_refused_request_leaves_nothing_for_the_collector(method: str, path: str) -> None:
    """Clearing up after a crowd of them would take tens of milliseconds in which no call is heard."""
    async with standing() as desk:
        signed = {"X-Twilio-Signature": "bm8gc3VjaCBzaWduYXR1cmU="}
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                async with desk.http.request(method, desk.origin + path, headers=signed, data=b"a=1") as answer:
                    assert answer.status in {403, 404, 405}
            await until(lambda: not requests_of(path), or_fail=False)
            assert requests_of(path) == 0
        finally:
            gc.enable()


def requests_of(path: str) -> int:
    return sum(type(one) is web.Request and one.path == path for one in gc.get_objects())


@pytest.mark.usefixtures("impatient")
async def test_a_stream_is_no_idle_connection() -> None:
    async with standing() as desk, desk.stream() as hand:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + 3 * QUIET_S
        await until(lambda: loop.time() > until_s)
        assert not hand.socket.closed
        assert hand.bridge.call.ended is None
