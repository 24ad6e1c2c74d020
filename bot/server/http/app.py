"""The web application: its routes, and how it starts and stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bot.config import Settings, warnings_about_the_model
from bot.config.profiles import Profiles, of_profile
from bot.numbering.number_kinds import preload
from bot.observe.rate_limited_log import RateLimitedLog
from bot.realtime.connection import tls_context
from bot.server.bookkeeping.http_log import HttpLog
from bot.server.bookkeeping.meter import Meter
from bot.server.bookkeeping.store_service import StoreService
from bot.server.calls.rest_hang_up import rest_hang_up
from bot.server.directory.live_calls import LiveCalls
from bot.server.http import http_shutdown, media_stream
from bot.server.http.app_keys import (
    CALLS,
    LISTENER,
    METER,
    OUTGOING,
    RATE_LIMITED_LOG,
    SETTINGS,
    TWILIO_REST,
    Listener,
    Mount,
)
from bot.server.http.operators import calls_route, metrics_route
from bot.server.http.put_through import briefing, dialled, whisper
from bot.server.http.refusals import refusals
from bot.server.http.voice_webhooks import fallback, outgoing, voice, voice_next
from bot.server.outbound.dial_desk import DialDesk
from bot.server.outbound.placing import OutgoingCalls
from bot.server.setup.call_prices import half_blind
from bot.server.setup.listen_address import CannotListen
from bot.server.setup.twilio_account import twilio_rest
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.socket_handover import SocketHandover
from bot.twilio.rest import load_package
from bot.twilio.twiml import twiml_files

MAX_BODY_BYTES = 64 * 1024
BACKLOG = 2048
IDLE_CONNECTION_S = 10.0
"""Seconds after which a connection whose request has not come with all its headers is closed."""
LINGER_S = 2.0
"""Seconds that the rest of a request is waited for which was answered before it had come whole."""
STOP_S = 5.0

_log = structlog.get_logger()


def make_app(
    settings: Settings,
    registry: CallRegistry | None = None,
    keeping: StoreService | None = None,
    *,
    profiles: Profiles | None = None,
    mounts: Sequence[Mount] = (),
) -> web.Application:
    """The application. Raises TwimlError when a TwiML file is wrong, and SettingsError when a profile is."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[refusals])
    app[SETTINGS] = settings
    if settings.openai_realtime_url.startswith("wss:"):
        tls_context()  # now, not while the first caller waits
    store_lookup, hash_number = (keeping.store_lookup, keeping.hash_number) if keeping else (None, None)
    app[CALLS] = LiveCalls(settings, registry, store_lookup, hash_number, profiles=profiles)
    for each in (settings, *app[CALLS].profiles):
        twiml_files(each.twiml_dir, each.language)  # now, not while a caller waits
        if each.dial_from or each.sms_from:
            preload()
    app[TWILIO_REST] = twilio_rest(settings)
    app[CALLS].starter.use_rest(app[TWILIO_REST])
    dial_desk = DialDesk(
        app[CALLS], None if store_lookup is None else store_lookup.write_behind, app[CALLS].admission.hash_number
    )
    app[OUTGOING] = OutgoingCalls(app[CALLS], app[TWILIO_REST], dial_desk)
    app[CALLS].starter.hang_up = rest_hang_up(settings, app[TWILIO_REST])
    app[METER] = Meter(app[CALLS])
    app[LISTENER] = Listener()
    app[RATE_LIMITED_LOG] = RateLimitedLog()
    for prefix in dict.fromkeys(("", urlsplit(settings.public_url).path.rstrip("/"))):
        app.add_routes(_routes(prefix))
        for mount in mounts:
            app.add_routes(mount(app, prefix))
    app.cleanup_ctx.append(metrics_route.flushing)
    app.cleanup_ctx.append(_tools)
    app.cleanup_ctx.append(_warm)
    app.on_response_prepare.append(_close_after)
    app.on_shutdown.append(_end_calls)
    app.on_cleanup.append(_close_rest)
    app.on_cleanup.append(_close_sessions)
    return app


def _routes(prefix: str) -> list[web.RouteDef]:
    """Everything we answer to: at the root, for a proxy that takes PUBLIC_URL's prefix off, and under the prefix."""
    return [
        web.post(f"{prefix}/voice", voice.answer),
        web.post(f"{prefix}/voice/next", voice_next.voice_next),
        web.post(f"{prefix}/voice/status", voice.status),
        web.post(f"{prefix}/voice/dialled", dialled.dialled),
        web.post(f"{prefix}/voice/whisper/{{call_sid}}", whisper.whisper),
        web.post(f"{prefix}/voice/whisper/{{call_sid}}/key", whisper.key_pressed),
        web.post(f"{prefix}/voice/briefing/{{call_sid}}", briefing.briefing),
        web.post(f"{prefix}/voice/briefing/{{call_sid}}/next", briefing.briefed),
        web.post(f"{prefix}/voice/briefing/{{call_sid}}/status", briefing.told_status),
        web.post(f"{prefix}/voice/briefing/{{call_sid}}/machine", briefing.told_machine),
        web.post(f"{prefix}/voice/recorded", fallback.recorded),
        web.post(f"{prefix}/voice/outgoing", outgoing.picked_up),
        web.post(f"{prefix}/voice/answered", outgoing.answered),
        web.post(f"{prefix}/calls", calls_route.place),
        web.get(f"{prefix}/calls/{{sid}}", calls_route.look),
        web.get(f"{prefix}/media/{{token}}", media_stream.media_stream),
        web.get(f"{prefix}/healthz", _healthz),
        web.get(f"{prefix}/readyz", _readyz),
        web.get(f"{prefix}/metrics", metrics_route.metrics),
    ]


async def _healthz(_: web.Request) -> web.Response:
    """Liveness: 200 while the loop runs."""
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    """Readiness: 503 while draining. Full is no reason to take the instance out: a busy answer needs it."""
    calls = request.app[CALLS]
    if calls.departure.draining:
        return web.Response(status=503, text="draining\n")
    return web.Response(text="full\n" if calls.admission.full else "ready\n")


async def _tools(app: web.Application) -> AsyncIterator[None]:
    """The tools are known before the first call; a server of tools that is away is asked again meanwhile."""
    calls, tasks, known = app[CALLS], set[asyncio.Task[None]](), set[int]()
    starter = calls.starter
    if calls.store_lookup is not None:
        starter.store = calls.store_lookup.write_behind

    async def learn() -> None:
        named = {id(starter.toolboxes.of(each)): each for each in (calls.settings, *calls.profiles)}
        for each in (each for box, each in named.items() if box not in known):
            known.add(id(starter.toolboxes.of(each)))
            if not await starter.toolboxes.open(each):
                asking = starter.toolboxes.keep_asking(each, starter.tools_known)
                tasks.add(asyncio.create_task(asking, name="tools"))
        starter.tools_known()

    await learn()
    calls.profiles.on_reread.append(lambda: tasks.add(asyncio.create_task(learn(), name="tools")))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await starter.finish_tools()
    await starter.toolboxes.close()


async def _warm(app: web.Application) -> AsyncIterator[None]:
    """Addresses of the sessions' host and idle sessions are kept ready, and the day's money is watched, meanwhile."""
    calls = app[CALLS]
    tasks = [asyncio.create_task(calls.starter.addresses.run(), name="addresses")]
    if calls.starter.pool.size:
        tasks.append(asyncio.create_task(calls.starter.pool.run(), name="warm sessions"))
    if calls.settings.max_daily_usd:
        tasks.append(asyncio.create_task(calls.spent_today.watch(), name="the day's money"))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _warn(profiles: Profiles) -> None:
    """Warnings that every call would meet, those of a profile only where they are its own."""
    known = set[str]()
    for each in (profiles.base, *profiles):
        for sentence in _fresh(warnings_about_the_model(each), known):
            _log.warning("setting_untaken", why=of_profile(each, sentence) if each.profile else sentence)
        for sentence in _fresh(half_blind(each), known):
            _log.warning("no_price", why=of_profile(each, sentence) if each.profile else sentence)


def _fresh(sentences: Iterable[str], known: set[str]) -> list[str]:
    """Those that are not known yet, and from here on are."""
    fresh = [sentence for sentence in dict.fromkeys(sentences) if sentence not in known]
    known.update(fresh)
    return fresh


async def _close_after(_: web.Request, response: web.StreamResponse) -> None:
    """One request a connection: on a kept one it might meet the end of the connection, or of a process that drains."""
    if isinstance(response, web.WebSocketResponse):
        return
    response.force_close()
    response.headers["Connection"] = "close"


async def _close_rest(app: web.Application) -> None:
    await app[TWILIO_REST].close()


async def _close_sessions(app: web.Application) -> None:
    """After the last webhook was answered: what was dialled ahead for its call may be needless."""
    await app[CALLS].starter.close()


async def _end_calls(app: web.Application) -> None:
    calls = app[CALLS]
    await calls.departure.close()
    await app[OUTGOING].close()
    if calls.lookup is not None:
        await calls.lookup.close()
    await calls.transfer_desk.close()
    if calls.store_lookup is not None:
        calls.store_lookup.close()


@asynccontextmanager
async def running(
    settings: Settings,
    registry: CallRegistry | None = None,
    sock: socket.socket | None = None,
    *,
    handover: SocketHandover | None = None,
    keeping: StoreService | None = None,
    mounts: Sequence[Mount] = (),
    profiles: Profiles | None = None,
) -> AsyncIterator[tuple[web.Application, int]]:
    """Serve while the context lasts, on `sock` if given: gives the application and the port it listens on."""
    app = make_app(settings, registry, keeping, profiles=profiles, mounts=mounts)
    log = app[METER].http = HttpLog(app[RATE_LIMITED_LOG])
    if keeping is not None:
        keeping.keep(app[CALLS])
        app[METER].write_behind, app[METER].sweep = keeping.write_behind, keeping.sweep
        app[METER].after_calls = keeping.after_calls
    # No access log: it would print the tokens in the paths.
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=log,
        keepalive_timeout=IDLE_CONNECTION_S,
        lingering_time=LINGER_S,
        shutdown_timeout=STOP_S,
    )
    app[LISTENER].handover = app[METER].handover = handover
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
        _warn(app[CALLS].profiles)
        app[LISTENER].site = site
        if handover is not None and runner.server is not None:
            handover.open(runner.server)
        loading = asyncio.create_task(asyncio.to_thread(load_package), name="twilio package")
        try:
            yield app, port
        finally:
            await loading
    finally:
        if handover is not None:
            handover.close()
        await http_shutdown.close(runner)
