"""The process that has a live call: a request that lands in another one of this instance goes there, socket and all."""

from __future__ import annotations

from functools import wraps

from aiohttp import web

from bot.console.access import Handler
from bot.server.calls.live_call import LiveCall
from bot.server.http.app_keys import CALLS, LISTENER
from bot.server.shared.socket_handover import HANDED

SID = "sid"
"""Name of the call's SID in a route."""


def where_the_call_is(handler: Handler) -> Handler:
    """`handler`, in the process that has the call. There the request is asked anew whether it may."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        if await _handed_over(request):
            return web.Response()  # goes nowhere: the connection is another process's now
        return await handler(request)

    return answer


async def _handed_over(request: web.Request) -> bool:
    calls, handover, sid = request.app[CALLS], request.app[LISTENER].handover, request.match_info[SID]
    if handover is None or HANDED in request.headers or calls.directory.find(sid) is not None:
        return False
    owner = calls.registry.owner(sid)
    return owner is not None and await handover.give(request, owner, await request.read())


def the_live_call(request: web.Request) -> LiveCall:
    """The live call that is asked about; 404 when it is over, or on another instance."""
    live = request.app[CALLS].directory.find(request.match_info[SID])
    if live is None or live.bridge.call.ended is not None:
        raise web.HTTPNotFound(text="no live call of this instance has this SID\n")
    return live
