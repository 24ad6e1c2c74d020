"""The server: its routes, and how it starts and stops."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bot.config import Settings
from bot.server import health, media, voice
from bot.server.context import CALLS, SETTINGS, TWIML
from bot.server.live import LiveCalls
from bot.server.loop import run_in_loop
from bot.server.registry import CallRegistry
from bot.twilio.twiml import TwimlFiles

MAX_BODY_BYTES = 64 * 1024
IDLE_CONNECTION_S = 15.0
STOP_S = 5.0

_log = structlog.get_logger()


def make_app(settings: Settings, registry: CallRegistry | None = None) -> web.Application:
    """The application. Raises TwimlError when a TwiML file is wrong."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[SETTINGS] = settings
    app[TWIML] = TwimlFiles(settings.twiml_dir)
    app[CALLS] = LiveCalls(settings, registry)
    app.add_routes(_routes(""))
    if prefix := urlsplit(settings.public_url).path.rstrip("/"):
        app.add_routes(_routes(prefix))
    app.on_shutdown.append(_end_calls)
    return app


def _routes(prefix: str) -> list[web.RouteDef]:
    """Everything we answer to: at the root, for a proxy that takes PUBLIC_URL's prefix off, and under the prefix."""
    return [
        web.post(f"{prefix}/voice", voice.answer),
        web.post(f"{prefix}/voice/next", voice.following),
        web.post(f"{prefix}/voice/status", voice.status),
        web.get(f"{prefix}/media/{{token}}", media.media),
        web.get(f"{prefix}/healthz", health.healthz),
        web.get(f"{prefix}/readyz", health.readyz),
    ]


async def _end_calls(app: web.Application) -> None:
    await app[CALLS].close()


@asynccontextmanager
async def running(
    settings: Settings, registry: CallRegistry | None = None, sock: socket.socket | None = None
) -> AsyncIterator[tuple[web.Application, int]]:
    """Serve while the context lasts, on `sock` if given: gives the application and the port it listens on."""
    app = make_app(settings, registry)
    # No access log: it would print the tokens in the paths.
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=IDLE_CONNECTION_S, shutdown_timeout=STOP_S)
    await runner.setup()
    try:
        site: web.BaseSite
        if sock is not None:
            site = web.SockSite(runner, sock)
        else:
            site = web.TCPSite(runner, settings.host, settings.port, reuse_address=True)
        await site.start()
        port = runner.addresses[0][1]
        _log.info("listening", host=settings.host, port=port)
        yield app, port
    finally:
        await runner.cleanup()


def run(settings: Settings) -> None:
    """`bot serve`."""
    run_in_loop(serve(settings))


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings):
        await stop.wait()
        _log.info("stopping")
