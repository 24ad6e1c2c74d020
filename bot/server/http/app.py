"""The web application: its routes, and how it starts and stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bot.config import Settings, warnings_about_the_model
from bot.observe.rate_limited_log import RateLimitedLog
from bot.realtime.connection import tls_context
from bot.server.bookkeeping.http_log import HttpLog
from bot.server.bookkeeping.meter import Meter
from bot.server.bookkeeping.store_service import StoreService
from bot.server.directory.live_calls import LiveCalls
from bot.server.http import health, http_shutdown, media, metrics_route, voice
from bot.server.http.handler_context import CALLS, DOOR, METER, SETTINGS, SPARING, TWIML, HandlerContext
from bot.server.http.listen_address import CannotListen
from bot.server.http.refusals import refusals
from bot.server.setup.call_prices import half_blind
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.socket_handover import SocketHandover
from bot.twilio.twiml import twiml_files

MAX_BODY_BYTES = 64 * 1024
BACKLOG = 2048
IDLE_CONNECTION_S = 10.0
"""A connection whose request has not come with all its headers by then is closed."""
LINGER_S = 2.0
"""The rest of a request that was answered before it had come whole is waited for no longer."""
STOP_S = 5.0

_log = structlog.get_logger()


def make_app(
    settings: Settings, registry: CallRegistry | None = None, keeping: StoreService | None = None
) -> web.Application:
    """The application. Raises TwimlError when a TwiML file is wrong."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[refusals])
    app[SETTINGS] = settings
    app[TWIML] = twiml_files(settings.twiml_dir, settings.language)
    if settings.openai_realtime_url.startswith("wss:"):
        tls_context()  # now, not while the first caller waits
    app[CALLS] = LiveCalls(settings, registry, *((keeping.shelf, keeping.hash_number) if keeping else ()))
    app[METER] = Meter(app[CALLS])
    app[DOOR] = HandlerContext()
    app[SPARING] = RateLimitedLog()
    app.add_routes(_routes(""))
    if prefix := urlsplit(settings.public_url).path.rstrip("/"):
        app.add_routes(_routes(prefix))
    app.cleanup_ctx.append(metrics_route.flushing)
    app.cleanup_ctx.append(_warm)
    app.on_response_prepare.append(_close_after)
    app.on_shutdown.append(_end_calls)
    return app


def _routes(prefix: str) -> list[web.RouteDef]:
    """Everything we answer to: at the root, for a proxy that takes PUBLIC_URL's prefix off, and under the prefix."""
    return [
        web.post(f"{prefix}/voice", voice.answer),
        web.post(f"{prefix}/voice/next", voice.following),
        web.post(f"{prefix}/voice/status", voice.status),
        web.post(f"{prefix}/voice/dialled", voice.dialled),
        web.post(f"{prefix}/voice/recorded", voice.recorded),
        web.get(f"{prefix}/media/{{token}}", media.media),
        web.get(f"{prefix}/healthz", health.healthz),
        web.get(f"{prefix}/readyz", health.readyz),
        web.get(f"{prefix}/metrics", metrics_route.metrics),
    ]


async def _warm(app: web.Application) -> AsyncIterator[None]:
    """Addresses of the sessions' host and idle sessions are kept ready, and the day's money is watched, meanwhile."""
    calls = app[CALLS]
    tasks = [asyncio.create_task(calls.starter.addresses.run(), name="addresses")]
    if calls.starter.pool.size:
        tasks.append(asyncio.create_task(calls.starter.pool.run(), name="warm sessions"))
    if calls.settings.max_daily_usd:
        tasks.append(asyncio.create_task(calls.day.watch(), name="the day's money"))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _close_after(_: web.Request, response: web.StreamResponse) -> None:
    """One request a connection: on a kept one it might meet the end of the connection, or of a process that drains."""
    response.force_close()
    response.headers["Connection"] = "close"


async def _end_calls(app: web.Application) -> None:
    calls = app[CALLS]
    await calls.departure.close()
    if calls.shelf is not None:
        calls.shelf.close()


@asynccontextmanager
async def running(
    settings: Settings,
    registry: CallRegistry | None = None,
    sock: socket.socket | None = None,
    handover: SocketHandover | None = None,
    keeping: StoreService | None = None,
) -> AsyncIterator[tuple[web.Application, int]]:
    """Serve while the context lasts, on `sock` if given: gives the application and the port it listens on."""
    app = make_app(settings, registry, keeping)
    log = app[METER].http = HttpLog(app[SPARING])
    if keeping is not None:
        keeping.keep(app[CALLS])
        app[METER].store, app[METER].sweep = keeping.keeper, keeping.sweep
    # No access log: it would print the tokens in the paths.
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=log,
        keepalive_timeout=IDLE_CONNECTION_S,
        lingering_time=LINGER_S,
        shutdown_timeout=STOP_S,
    )
    await runner.setup()
    try:
        site: web.BaseSite
        if sock is not None:
            site = web.SockSite(runner, sock, backlog=BACKLOG)
        else:
            site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            raise CannotListen(settings.host, settings.port, error) from None
        port = runner.addresses[0][1]
        _log.info("listening", host=settings.host, port=port)
        for sentence in warnings_about_the_model(settings):
            _log.warning("setting_untaken", why=sentence)
        for sentence in half_blind(settings):
            _log.warning("no_price", why=sentence)
        app[DOOR].site = site
        if handover is not None and runner.server is not None:
            handover.open(runner.server)
            app[DOOR].handover = app[METER].handover = handover
        yield app, port
    finally:
        if handover is not None:
            handover.close()
        await http_shutdown.close(runner)
