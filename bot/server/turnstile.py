"""Requests begin one at a time, so that a crowd of them holds no call up.

What comes in one reading of the sockets would be answered in one go: a hundred requests, a tenth of a second. Streams
are read between each and the next. A genuine webhook behind them waits as long as they would have taken anyway.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


def turnstile() -> Middleware:
    """The middleware of one application."""
    one_at_a_time = asyncio.Lock()

    @web.middleware
    async def through(request: web.Request, handler: Handler) -> web.StreamResponse:
        async with one_at_a_time:
            await asyncio.sleep(0)
        return await handler(request)

    return through
