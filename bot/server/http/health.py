"""Is the process alive, and does it want calls."""

from __future__ import annotations

from aiohttp import web

from bot.server.http.handler_context import CALLS


async def healthz(_: web.Request) -> web.Response:
    """Liveness: 200 while the loop runs."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """Readiness: 503 while draining. Full is no reason to take the instance out: a busy answer needs it."""
    calls = request.app[CALLS]
    if calls.departure.draining:
        return web.Response(status=503, text="draining\n")
    return web.Response(text="full\n" if calls.admission.full else "ready\n")
