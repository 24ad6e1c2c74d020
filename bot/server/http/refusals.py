"""Refusals that leave nothing behind, and a sentence for the caller where a webhook meets a defect of ours.

A refusal that is raised refers to the frames it came through, and those of the HTTP server to it: the whole request
stays in memory until the garbage collector comes by, and clearing up after a crowd takes tens of milliseconds in which
no call is heard. So it ends here, as a plain answer.
"""

from __future__ import annotations

import re
import sqlite3
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.observe.terminal_text import visible
from bot.server.http.app_keys import RATE_LIMITED_LOG, SETTINGS, of_call
from bot.twilio.twiml import twiml_files

_LONGEST = 80
_CALLED = ("/voice", "/next", "/status", "/dialled", "/recorded", "/outgoing", "/answered")
"""Ends of the paths that Twilio calls."""
_SLASHES = re.compile("/{2,}")
SPOKEN = ("/voice", "/voice/next", "/voice/dialled", "/voice/recorded", "/voice/outgoing")
"""Paths whose answer Twilio does as told, with a caller on the line."""
ASKED_AGAIN = SPOKEN[1:]
"""Paths that Twilio asks again when the server fails (`webhook.CONNECTION_OVERRIDES`): what is locked now may soon be
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
    """Log a request that met no handler, and give the sentence for its sender."""
    if isinstance(refusal, web.HTTPMethodNotAllowed):
        miss = _wrong_method(request, ", ".join(sorted(refusal.allowed_methods)))
    else:
        resources = (one.canonical for one in request.app.router.resources())
        prefix = urlsplit(request.app[SETTINGS].public_url).path.rstrip("/")
        paths = frozenset(path.removeprefix(prefix) for path in resources if "{" not in path)
        miss = _no_such_path(request, paths, prefix)
    asked = {"method": shown(request.method), "path": shown(request.path), "status": refusal.status}
    rate_limited = request.app[RATE_LIMITED_LOG]
    if miss.near:
        rate_limited.warn("request_refused", str(refusal.status), miss.near, **asked, why=miss.why)
    else:
        rate_limited.inform("request_refused", str(refusal.status), **asked, why=miss.why)
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
        settings = of_call(request)
        sorry = twiml_files(settings.twiml_dir, settings.language).render("sorry")
        return web.Response(text=sorry, content_type="text/xml")


def _is_busy(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


# ---- requests that met no handler ----


class _Miss(NamedTuple):
    """A request that met no handler. `near` is the path that was probably meant; "" for a stranger's.

    `why` says what is wrong and names the mend.
    """

    near: str
    why: str
    told: str
    """The sentence for the sender: nothing that they do not know."""


def shown(path: str) -> str:
    """A stranger's path as a log may hold it: short, on one line, and without the token of a stream."""
    head, media, rest = path.partition("/media/")
    path = f"{head}{media}..." if rest else path
    return visible(path if len(path) <= _LONGEST else f"{path[:_LONGEST]}...")


def _wrong_method(request: web.Request, allowed: str) -> _Miss:
    near = request.path.rpartition("/media/")[1].rstrip("/") or request.path
    takes = f"this path takes {allowed}"
    return _Miss(near, f"{takes}: Twilio's console must say so" if near.endswith(_CALLED) else takes, takes)


def _no_such_path(request: web.Request, paths: frozenset[str], prefix: str) -> _Miss:
    """Nothing is at the path. `paths` are those there are, `prefix` is that of PUBLIC_URL."""
    asked = _SLASHES.sub("/", request.path).rstrip("/").lower()
    for path in sorted(paths, key=len, reverse=True):
        if asked in {path, prefix.lower() + path}:
            told = f"the path is {prefix}{path}, just so, with no slash at its end"
            return _Miss(path, f"{told}: mend it in Twilio's console" if path.endswith(_CALLED) else told, told)
        if asked.endswith(path):
            extra = asked.removesuffix(path)
            why = (
                f"the path is {prefix}{path}: mend it in Twilio's console; if a proxy leaves {shown(extra)} before it, "
                "PUBLIC_URL must end so"
            )
            return _Miss(path, why, "there is nothing here")
    if "X-Twilio-Signature" in request.headers:  # not to be lost among the paths that strangers try
        why = f"there is nothing at this path; the webhook is {prefix}/voice: mend it in Twilio's console"
        return _Miss("signed", why, "there is nothing here")
    return _Miss("", "there is nothing at this path", "there is nothing here")
