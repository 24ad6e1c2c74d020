"""A receiver of signed requests on loopback, which answers as a test wants and keeps what it got."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.server.setup.port_end import close_ports

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The example of the specification."""

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _thanks(_: web.Request) -> web.Response:
    return web.Response(status=204)


class Receiver:
    """What came, in order: headers by name in small letters, and the body's bytes. `answer` may be replaced."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer: Answering = _thanks

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return await self.answer(request)


@asynccontextmanager
async def receiving(path: str = "/hooks") -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url(path))
        yield receiver
        await close_ports(server.runner.sites)


def verified(secret: str, headers: dict[str, str], body: bytes) -> Any:
    """The message, by the verifier that the makers of the specification publish. Raises what that raises."""
    package = pytest.importorskip(
        "standardwebhooks", reason="somebody else's verifier is not installed: pip install '.[test]'"
    )
    return package.Webhook(secret).verify(body, headers)
