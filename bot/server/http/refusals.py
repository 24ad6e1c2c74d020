"""Refusals that leave nothing behind, and a sentence for the caller where a webhook meets a defect of ours.

A refusal that is raised refers to the frames it came through, and those of the HTTP server to it: the whole request
stays in memory until the garbage collector comes by, and clearing up after a crowd takes tens of milliseconds in which
no call is heard. So it ends here, as a plain answer.
"""

from __future__ import annotations

import sqlite3
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.server.http.handler_context import SETTINGS, SPARING, TWIML
from bot.server.http.not_found import no_such_path, shown, wrong_method

SPOKEN = ("/voice", "/voice/next", "/voice/dialled", "/voice/recorded")
"""What Twilio asks here it does as told, with a caller on the line."""
ASKED_AGAIN = SPOKEN[1:]
"""Twilio asks these again when the server fails (bot.server.http.voice.PATIENCE): what is locked now may soon be
free."""

_log = structlog.get_logger()


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware: what handlers raise as an answer is answered."""
    try:
        return await _with_a_sentence(request, handler)
    except web.HTTPException as refusal:
        if request.match_info.http_exception is not None:
            refusal.text = f"{_missed(request, refusal)}\n"
        refusal.__traceback__ = None  # for an unknown path the request itself keeps it
        return web.Response(status=refusal.status, reason=refusal.reason, body=refusal.body, headers=refusal.headers)


def _missed(request: web.Request, refusal: web.HTTPException) -> str:
    """Tell of a request that met no handler. What whoever asked is told."""
    if isinstance(refusal, web.HTTPMethodNotAllowed):
        miss = wrong_method(request, ", ".join(sorted(refusal.allowed_methods)))
    else:
        resources = (one.canonical for one in request.app.router.resources())
        prefix = urlsplit(request.app[SETTINGS].public_url).path.rstrip("/")
        paths = frozenset(path.removeprefix(prefix) for path in resources if "{" not in path)
        miss = no_such_path(request, paths, prefix)
    asked = {"method": shown(request.method), "path": shown(request.path), "status": refusal.status}
    if miss.near:
        request.app[SPARING].warn("request_refused", str(refusal.status), miss.near, **asked, why=miss.why)
    else:
        request.app[SPARING].inform("request_refused", str(refusal.status), **asked, why=miss.why)
    return miss.told


async def _with_a_sentence(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception as error:
        if not request.path.endswith(SPOKEN):
            raise
        if _is_busy(error) and request.path.endswith(ASKED_AGAIN):
            _log.warning("registry_failed", path=request.path, why=str(error))
            raise web.HTTPServiceUnavailable(text="try again\n") from None
        _log.exception("webhook_failed", path=request.path)
        return web.Response(text=request.app[TWIML].render("sorry"), content_type="text/xml")


def _is_busy(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
