"""Refusals that leave nothing behind.

A refusal that is raised refers to the frames it came through, and those of the HTTP server to it: the whole request
stays in memory until the garbage collector comes by, and clearing up after a crowd takes tens of milliseconds in which
no call is heard. So it ends here, as a plain answer.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware: what handlers raise as an answer is answered."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        refusal.__traceback__ = None  # for an unknown path the request itself keeps it
        return web.Response(status=refusal.status, reason=refusal.reason, body=refusal.body, headers=refusal.headers)
