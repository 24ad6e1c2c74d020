"""GET /metrics, and the task that keeps the numbers fresh."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from bot.observe.guarded import guarded
from bot.server.http.app_keys import METER
from bot.server.http.operators.admin import check_admin


async def metrics(request: web.Request) -> web.Response:
    """The numbers of all processes of this server, for Prometheus. 401 without the token, 403 from elsewhere."""
    check_admin(request, "metrics_refused")
    body, content_type = await request.app[METER].exposition(request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


async def flushing(app: web.Application) -> AsyncIterator[None]:
    """The numbers are published once a second while the application runs, and a last time when all calls are over."""
    task = asyncio.create_task(app[METER].run(), name="metrics")
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    with guarded():
        await app[METER].flush()
