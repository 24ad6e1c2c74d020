"""GET /metrics, and the task that keeps the numbers fresh."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import web

from bot.config.values.value_checks import is_loopback
from bot.observe.guarded import guarded
from bot.server.http.admin_token import BEARER, shows
from bot.server.http.app_keys import METER, RATE_LIMITED_LOG, SETTINGS

FORWARDED = ("forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip")
"""Headers that only a proxy sets; so are all that begin with X-Forwarded-."""


async def metrics(request: web.Request) -> web.Response:
    """The numbers of all processes of this server, for Prometheus. 401 without the token, 403 from elsewhere."""
    token, log = request.app[SETTINGS].admin_token.get_secret_value(), request.app[RATE_LIMITED_LOG]
    if token and not shows(request, token):
        log.inform("metrics_refused", why="no or a wrong token: send ADMIN_TOKEN as a bearer token")
        raise web.HTTPUnauthorized(headers=BEARER, text="show ADMIN_TOKEN as a bearer token\n")
    if not token and not _local(request):
        log.inform("metrics_refused", why="not from this machine, and ADMIN_TOKEN is not set")
        raise web.HTTPForbidden(text="only this machine may ask while ADMIN_TOKEN is not set\n")
    body, content_type = await request.app[METER].exposition(request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _local(request: web.Request) -> bool:
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


async def flushing(app: web.Application) -> AsyncIterator[None]:
    """The numbers are published once a second while the application runs, and a last time when all calls are over."""
    task = asyncio.create_task(app[METER].run(), name="metrics")
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    with guarded():
        await app[METER].flush()
