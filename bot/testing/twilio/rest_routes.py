"""The routes of Twilio's REST API: who asks, for which resource, with which parameters (twilio-voice 7).

What a request then does is the desk's business; this file answers what it may not.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl

from aiohttp import web

from bot.testing.twilio import parameters
from bot.testing.twilio.parameters import Given, Request
from bot.testing.twilio.rest_refusal import Refused

VERSION = "2010-04-01"

Json = Mapping[str, object]


class Desk(Protocol):
    """What the routes ask for. Each gives the JSON of a resource, or raises Refused."""

    account_sid: str

    def password(self, user: str) -> str | None:
        """The password of an account SID or API key; None for one that is not known."""

    async def before(self, operation: str) -> None:
        """Whatever is to go wrong with this operation: raises Refused, takes time, or breaks the connection."""

    async def create_call(self, given: Given) -> Json: ...
    async def update_call(self, sid: str, given: Given) -> Json: ...
    async def fetch_call(self, sid: str, given: Given) -> Json: ...
    async def create_message(self, given: Given) -> Json: ...


_OPERATIONS: tuple[tuple[str, str, str, Request, int], ...] = (
    ("POST", "Calls", "create_call", parameters.CREATE_CALL, 201),
    ("POST", "Calls/{sid}", "update_call", parameters.UPDATE_CALL, 200),
    ("GET", "Calls/{sid}", "fetch_call", parameters.NOTHING, 200),
    ("POST", "Messages", "create_message", parameters.CREATE_MESSAGE, 201),
)
OPERATIONS = frozenset(name for _, _, name, _, _ in _OPERATIONS)
"""Names by which a request can be told to go wrong."""


def add_routes(app: web.Application, desk: Desk) -> None:
    """Serve the API of `desk` in `app`."""
    for method, path, operation, request, status in _OPERATIONS:
        route = f"/{VERSION}/Accounts/{{account}}/{path}.json"
        app.router.add_route(method, route, _handler(desk, operation, request, status))
    app.router.add_route("*", "/{anything:.*}", _nothing_there)


def _handler(
    desk: Desk, operation: str, request: Request, status: int
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    perform: Callable[..., Awaitable[Json]] = getattr(desk, operation)

    async def handle(asked: web.Request) -> web.StreamResponse:
        try:
            where = dict(asked.match_info)
            _admit(desk, asked, where.pop("account"))
            await desk.before(operation)
            given = request.read(await _fields(asked))
            found = await perform(*where.values(), given)
        except Refused as refused:
            return web.json_response(refused.json(), status=refused.status)
        return web.Response(status=204) if status == 204 else web.json_response(found, status=status)

    return handle


def _admit(desk: Desk, asked: web.Request, account: str) -> None:
    user, password = _credentials(asked.headers.get("Authorization", ""))
    wanted = desk.password(user)
    if wanted is None or not hmac.compare_digest(wanted.encode(), password.encode()):
        raise Refused(401, 20003)
    if account != desk.account_sid:
        raise Refused(404, 20404)


def _credentials(header: str) -> tuple[str, str]:
    kind, _, text = header.partition(" ")
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (user, password) if kind == "Basic" else ("", "")


async def _fields(asked: web.Request) -> list[tuple[str, str]]:
    if asked.method != "POST":
        return list(asked.query.items())
    if asked.content_type != "application/x-www-form-urlencoded":
        raise Refused(415, 20001, "the body is a form")
    return parse_qsl((await asked.read()).decode(), keep_blank_values=True)


async def _nothing_there(_asked: web.Request) -> web.StreamResponse:
    return web.json_response(Refused(404, 20404).json(), status=404)
