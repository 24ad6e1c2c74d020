"""The routes of Twilio's REST API: who asks, for which resource, with which parameters (twilio-voice 7).

A request that may be made goes to the desk; this file answers those that may not.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qsl

from aiohttp import web

from bot.testing.twilio import parameters
from bot.testing.twilio.mishaps import Dropped
from bot.testing.twilio.parameters import Request
from bot.testing.twilio.resources import VERSION, Json
from bot.testing.twilio.rest_desk import RestDesk
from bot.testing.twilio.rest_refusal import Refused


class Account(Protocol):
    """The account whose API it is."""

    account_sid: str
    desk: RestDesk

    def password(self, user: str) -> str | None:
        """The password of an account SID or API key; None for one that is not known."""

    async def before(self, operation: str) -> bool:
        """Let what is to go wrong with this operation happen. True when its answer is to be lost."""


_OPERATIONS: tuple[tuple[str, str, str, Request, int], ...] = (
    ("POST", "Calls", "create_call", parameters.CREATE_CALL, 201),
    ("POST", "Calls/{sid}", "update_call", parameters.UPDATE_CALL, 200),
    ("GET", "Calls/{sid}", "fetch_call", parameters.NOTHING, 200),
    ("POST", "Messages", "create_message", parameters.CREATE_MESSAGE, 201),
    ("GET", "Conferences", "list_conferences", parameters.LIST_CONFERENCES, 200),
    ("GET", "Conferences/{sid}", "fetch_conference", parameters.NOTHING, 200),
    ("POST", "Conferences/{sid}", "update_conference", parameters.UPDATE_CONFERENCE, 200),
    ("POST", "Conferences/{room}/Participants", "create_participant", parameters.CREATE_PARTICIPANT, 201),
    ("GET", "Conferences/{room}/Participants/{call}", "fetch_participant", parameters.NOTHING, 200),
    ("POST", "Conferences/{room}/Participants/{call}", "update_participant", parameters.UPDATE_PARTICIPANT, 200),
    ("DELETE", "Conferences/{room}/Participants/{call}", "remove_participant", parameters.NOTHING, 204),
)
OPERATIONS = frozenset(name for _, _, name, _, _ in _OPERATIONS)
"""Names by which a request can be told to go wrong."""


def add_routes(app: web.Application, account: Account) -> None:
    """Serve the API of `account` in `app`."""
    for method, path, operation, request, status in _OPERATIONS:
        route = f"/{VERSION}/Accounts/{{account}}/{path}.json"
        app.router.add_route(method, route, _handler(account, operation, request, status))
    app.router.add_route("*", "/{anything:.*}", _nothing_there)


def _handler(
    account: Account, operation: str, request: Request, status: int
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(asked: web.Request) -> web.StreamResponse:
        try:
            where = dict(asked.match_info)
            _admit(account, asked, where.pop("account"))
            lost = await account.before(operation)
            given = request.read(await _fields(asked))
            perform: Callable[..., Awaitable[Json]] = getattr(account.desk, operation)
            found = await perform(*where.values(), given)
        except Refused as refused:
            return web.json_response(refused.json(), status=refused.status)
        except Dropped:
            return _broken(asked)
        if lost:
            return _broken(asked)
        return web.Response(status=204) if status == 204 else web.json_response(found, status=status)

    return handle


def _admit(account: Account, asked: web.Request, named: str) -> None:
    user, password = _credentials(asked.headers.get("Authorization", ""))
    wanted = account.password(user)
    if wanted is None or not hmac.compare_digest(wanted.encode(), password.encode()):
        raise Refused(401, 20003)
    if named != account.account_sid:
        raise Refused(404, 20404)


def _broken(asked: web.Request) -> web.StreamResponse:
    """Break the connection: what is given here reaches nobody."""
    if asked.transport is not None:
        asked.transport.abort()
    return web.Response(status=500)


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
