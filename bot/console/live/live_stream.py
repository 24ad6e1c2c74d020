"""Live calls, as they are and as they go on: server-sent events, one stream for each page that is open.

Those of all processes of this instance are told alike, whichever the page is connected to; of those on other instances
as much as the store knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web
from aiohttp_sse import sse_response

from bot.console.access import HEADERS, POLICY
from bot.console.live.live_board import BOARD, NEIGHBOURS, LiveBoard
from bot.console.live.live_feed import FEED, LiveFeed
from bot.console.live.live_sources import own_events
from bot.console.live.neighbours import Neighbours
from bot.server.http.app_keys import CALLS, LISTENER

READ_S = 30.0
"""Seconds that a page may take to read what was sent before."""


def tell_pages(app: web.Application) -> None:
    """Have the application tell its live calls, to the pages and to its neighbours."""
    app[FEED] = LiveFeed(app[CALLS].directory)
    app.on_shutdown.append(app[FEED].close)
    app[NEIGHBOURS] = Neighbours(lambda: own_events(app))
    app[BOARD] = LiveBoard(app, app[NEIGHBOURS])
    app.cleanup_ctx.append(_telling_neighbours)


async def _telling_neighbours(app: web.Application) -> AsyncIterator[None]:
    """The other processes of this instance are told of this one's calls meanwhile."""
    handover = app[LISTENER].handover
    if handover is not None:
        await app[NEIGHBOURS].open(handover.directory)
    yield
    await app[NEIGHBOURS].close()


async def live(request: web.Request) -> web.StreamResponse:
    """GET /console/live: events `rows` (calls that are new or have changed), `news` (what is new of some) and `missed`.

    A page that reads nothing for READ_S is let go of.
    """
    headers = {"Content-Security-Policy": POLICY, **HEADERS}
    async with sse_response(request, headers=headers, send_timeout=READ_S) as response:
        with suppress(ConnectionError):
            async with request.app[BOARD].page() as page:
                async for messages in page.batches():
                    if not await _sent(request, response, b"".join(messages)):
                        break
    return response


async def _sent(request: web.Request, response: web.StreamResponse, messages: bytes) -> bool:
    """True unless the page reads nothing: then its connection is ended, since it would never be closed."""
    try:
        async with asyncio.timeout(READ_S):
            await response.write(messages)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        return False
    return True
