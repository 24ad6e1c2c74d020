"""The end of the HTTP server, with a client that connects in that very moment."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from bot.config import load_settings
from bot.server.http import app
from bot.server.http.app import running
from tests.server.simulated_server import environment
from tests.waiting import EVER_S, GIVE_UP_S

pytestmark = pytest.mark.both_loops

TURNS = range(8)
"""Turns of the loop before the close."""
ACCEPTED = 2
"""Turns of either loop after which the server has accepted the connection."""
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: bot.example.com\r\n\r\n"


async def close_after(turns: int, asks: bytes) -> bytes:
    """Connect, let the loop turn so many times, close, and ask. What was answered."""
    settings = load_settings(environment("ws://127.0.0.1:9/v1/realtime")).model_copy(update={"port": 0})
    server = contextlib.AsyncExitStack()
    _, port = await server.enter_async_context(running(settings))
    with socket.create_connection(("127.0.0.1", port)) as client:  # the kernel's doing: the loop has not looked yet
        client.setblocking(False)
        for _ in range(turns):
            await asyncio.sleep(0)
        closing = asyncio.create_task(server.aclose())
        await asyncio.sleep(0)
        with contextlib.suppress(OSError):
            client.sendall(asks)
        async with asyncio.timeout(GIVE_UP_S):
            await closing
        with contextlib.suppress(OSError):
            return client.recv(4096)
    return b""


@pytest.mark.parametrize("turns", TURNS)
async def test_a_connection_that_asks_nothing_holds_nobody_up(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "STOP_S", EVER_S)  # what the end would take that waits for a question
    assert await close_after(turns, b"") == b""


@pytest.mark.parametrize("turns", TURNS[ACCEPTED:])
async def test_what_is_asked_in_the_last_moment_is_answered(turns: int) -> None:
    answer = await close_after(turns, REQUEST)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
