"""Doors of our pages: who may open one, and the headers each answer carries.

With ADMIN_TOKEN: its bearer, or a browser that is signed in. Without it: this machine alone. What changes anything must
also come from a page of ours, since a browser lets every page send requests, and to this machine, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import urlsplit

from aiohttp import web

from bot.console.sign_in import SIGN_IN_POLICY, sign_in_page, signed_in
from bot.server.http.app_keys import RATE_LIMITED_LOG, SETTINGS
from bot.server.http.operators.admin import from_this_machine, shows, token_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends a form from an origin that it calls null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cache-Control": "no-store",
}
SAFE = frozenset({"GET", "HEAD"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guarded(handler: Handler) -> Handler:
    """`handler` for those who may: others get 401 with the page to sign in at, or 403."""

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        refusal = _refusal(request)
        response = refusal if refusal is not None else await handler(request)
        if not response.prepared:
            add_headers(response)
        return response

    return answer


def add_headers(response: web.StreamResponse) -> None:
    """Add what every answer carries; a stream calls it before it begins."""
    for name, value in {"Content-Security-Policy": POLICY, **HEADERS}.items():
        response.headers.setdefault(name, value)


def _refusal(request: web.Request) -> web.Response | None:
    token, log = token_of(request), request.app[RATE_LIMITED_LOG]
    if not token and not from_this_machine(request):
        log.inform("console_refused", why="not from this machine, and ADMIN_TOKEN is not set")
        return web.Response(status=403, text="only this machine may ask while ADMIN_TOKEN is not set\n")
    if token and not shows(request, token) and not signed_in(request, token):
        log.inform("console_refused", "token", why="not signed in, and no or a wrong bearer token")
        return _please_sign_in(request)
    if not _of_ours(request):
        log.inform("console_refused", "origin", why="a page of another origin asks")
        return web.Response(status=403, text="only pages of this server may ask\n")
    return None


def _please_sign_in(request: web.Request) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"}
    if request.method in SAFE and "text/html" in request.headers.get("Accept", ""):
        policy = {"Content-Security-Policy": SIGN_IN_POLICY}
        return web.Response(status=401, text=sign_in_page(request), content_type="text/html", headers=headers | policy)
    return web.Response(
        status=401, text="show ADMIN_TOKEN as a bearer token, or sign in at /console\n", headers=headers
    )


def _of_ours(request: web.Request) -> bool:
    """True unless a browser says that a page of another origin asks; sockets count as changes, they have no CORS."""
    if request.method in SAFE and request.headers.get("Upgrade", "").lower() != "websocket":
        return True
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return host != "" and host in {request.headers.get("Host", ""), urlsplit(request.app[SETTINGS].public_url).netloc}
