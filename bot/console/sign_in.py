"""Sign-in of a browser: ADMIN_TOKEN once, then a cookie that scripts can't read and other sites can't send."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import html
import secrets
import time
from importlib.resources import files
from string import Template
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from bot.server.http.app_keys import RATE_LIMITED_LOG, SETTINGS
from bot.server.http.operators.admin import from_this_machine, token_of
from bot.server.http.webhook import BODY_S

COOKIE = "heardline_console"
MAX_FIELDS = 8
LASTS_S = 12 * 3600
"""Seconds for which a browser stays signed in: a working day."""


def _style() -> str:
    return files("bot.console").joinpath("pages", "sign_in.css").read_text("utf-8")


SIGN_IN_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def sign_in_page(request: web.Request, wrong: str = "") -> str:
    """The page that asks for the token; `wrong` says why it asks again."""
    page = files("bot.console").joinpath("pages", "sign_in.html").read_text("utf-8")
    action = f"{_prefix(request)}/console/sign-in"
    return Template(page).substitute(style=_style(), action=html.escape(action), wrong=html.escape(wrong))


async def sign_in(request: web.Request) -> web.Response:
    """POST /console/sign-in: the right token gives the cookie and leads to the console; a wrong one is 401."""
    token = token_of(request)
    shown = await _shown(request)
    headers = {"Content-Security-Policy": SIGN_IN_POLICY, "Cache-Control": "no-store"}
    if not token:
        if from_this_machine(request):
            raise web.HTTPSeeOther(f"{_prefix(request)}/console")
        return web.Response(status=403, text="ADMIN_TOKEN is not set\n", headers=headers)
    if not hmac.compare_digest(shown.encode(), token.encode()):
        request.app[RATE_LIMITED_LOG].warn("console_refused", "sign-in", why="a wrong token at the sign-in")
        page = sign_in_page(request, "That is not the token this server was given as ADMIN_TOKEN.")
        return web.Response(status=401, text=page, content_type="text/html", headers=headers)
    response = web.Response(
        status=303, headers={"Location": f"{_prefix(request)}/console", "Cache-Control": "no-store"}
    )
    expires = int(time.time()) + LASTS_S
    stamp = f"{expires}.{secrets.token_hex(16)}"
    response.set_cookie(
        COOKIE,
        f"{stamp}.{_seal(token, stamp)}",
        max_age=LASTS_S,
        path=_prefix(request) or "/",
        secure=urlsplit(request.app[SETTINGS].public_url).scheme == "https",
        httponly=True,
        samesite="Strict",
    )
    return response


async def _shown(request: web.Request) -> str:
    """The token in the form. Anybody may send one: it is read for a few seconds, and as one kind of form alone."""
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the form did not come in time\n") from None
    except (web.RequestPayloadError, ConnectionError):
        raise web.HTTPBadRequest(text="the form did not come whole\n") from None
    try:
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=MAX_FIELDS))
    except ValueError:
        return ""
    return fields.get("token", "").strip()


async def sign_out(request: web.Request) -> web.Response:
    """POST /console/sign-out: the browser forgets that it was signed in."""
    response = web.Response(status=303, headers={"Location": f"{_prefix(request)}/console"})
    response.del_cookie(COOKIE, path=_prefix(request) or "/")
    return response


def signed_in(request: web.Request, token: str) -> bool:
    """True if the cookie is one that this token sealed, and is not too old."""
    stamp, _, seal = request.cookies.get(COOKIE, "").rpartition(".")
    expires = stamp.partition(".")[0]
    if not (expires.isascii() and expires.isdecimal() and len(expires) < 12):
        return False
    return hmac.compare_digest(seal.encode("utf-8", "replace"), _seal(token, stamp).encode()) and time.time() < int(
        expires
    )


def _seal(token: str, stamp: str) -> str:
    key = hashlib.sha256(b"heardline console cookie\0" + token.encode()).digest()
    return hmac.new(key, stamp.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _prefix(request: web.Request) -> str:
    """Prefix of PUBLIC_URL, which the browser sees though a proxy may take it off."""
    return urlsplit(request.app[SETTINGS].public_url).path.rstrip("/")
