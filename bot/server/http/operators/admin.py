"""The operator's own doors: who may open them.

With ADMIN_TOKEN set, whoever shows it as a bearer token, or is signed in (bot.console.sign_in); without it, this
machine alone.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

from bot.config.values.value_checks import is_loopback
from bot.server.http.app_keys import RATE_LIMITED_LOG, SETTINGS

BEARER = {"WWW-Authenticate": "Bearer"}
FORWARDED = ("forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip")
"""Headers that only a proxy sets; so are all that begin with X-Forwarded-."""


def token_of(request: web.Request) -> str:
    """ADMIN_TOKEN; empty where it is not set."""
    return request.app[SETTINGS].admin_token.get_secret_value()


def check_admin(request: web.Request, event: str) -> None:
    """Raise 401 without the token, 403 from elsewhere where there is none. `event` names the refusal in the log."""
    token, log = token_of(request), request.app[RATE_LIMITED_LOG]
    if token and not shows(request, token):
        log.inform(event, why="no or a wrong token: send ADMIN_TOKEN as a bearer token")
        raise web.HTTPUnauthorized(headers=BEARER, text="show ADMIN_TOKEN as a bearer token\n")
    if not token and not from_this_machine(request):
        log.inform(event, why="not from this machine, and ADMIN_TOKEN is not set")
        raise web.HTTPForbidden(text="only this machine may ask while ADMIN_TOKEN is not set\n")


def shows(request: web.Request, token: str) -> bool:
    """True if the request has `token` as its bearer token."""
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    fits = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), token.encode())
    return fits and scheme.lower() == "bearer"


def from_this_machine(request: web.Request) -> bool:
    """True if this machine asks for itself. Behind a proxy on it everybody's address is loopback: then it is not.

    A proxy shows by a header of its own or, where it adds none, by the public name it passes on as Host.
    """
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    if not (isinstance(peer, tuple) and _loopback_address(str(peer[0]))):
        return False
    if any(name in FORWARDED or name.startswith("x-forwarded-") for name in map(str.lower, request.headers)):
        return False
    try:
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)


def _loopback_address(text: str) -> bool:
    """A socket for both families gives IPv4 addresses in IPv6 spelling."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
