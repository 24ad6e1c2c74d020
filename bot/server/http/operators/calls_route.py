"""POST /calls, by which the operator's systems have the bot call somebody, and GET /calls/SID, what became of it.

Only for who shows the admin token: a call costs money and rings people.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiohttp import web

from bot.server.calls.live_call import LiveCall
from bot.server.http.app_keys import CALLS, METER, OUTGOING, RATE_LIMITED_LOG, SETTINGS, set_of_call
from bot.server.http.operators.admin import BEARER, shows
from bot.server.http.webhook import BODY_S, CALL_SID, callback_url
from bot.server.outbound.call_request import BadRequest, hashed_key, read_request
from bot.server.outbound.not_placed import NotPlaced
from bot.server.shared.resumption import OUTBOUND
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.results import CallSummary

LOOK_S = 2.0
"""Seconds for which the store is waited for when it is asked what became of a call."""

_log = structlog.get_logger()


async def place(request: web.Request) -> web.Response:
    """POST /calls: 201 with the call's id, or a sentence that says why there is no call."""
    _admit(request)
    try:
        return await _place(request)
    except BadRequest as error:
        return _refused(request, NotPlaced("bad_request", str(error)))
    except NotPlaced as refusal:
        return _refused(request, refusal)


async def _place(request: web.Request) -> web.Response:
    if request.content_type != "application/json":
        raise BadRequest("the body must be JSON, with Content-Type: application/json")
    key = hashed_key(request.headers.get("Idempotency-Key", ""))
    wanted = read_request(await _body(request))
    named = request.app[CALLS].profiles.named(wanted.profile)
    if named is not None:
        set_of_call(request, named)
    placing = request.app[OUTGOING].place(wanted, key, lambda path: callback_url(request, path))
    placed = await asyncio.shield(asyncio.ensure_future(placing))  # who asked may go: a call is placed whole or not
    headers = {"Location": f"calls/{placed.call_sid}"}
    if placed.again:
        headers["Idempotent-Replayed"] = "true"
    return web.json_response({"id": placed.call_sid}, status=201, headers=headers)


async def _body(request: web.Request) -> bytes:
    """The body, whole, of at most 64 KiB, within a few seconds."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the request did not come in time\n") from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequest("the body did not come whole") from None


async def look(request: web.Request) -> web.Response:
    """GET /calls/SID: a call that was made, as it stands."""
    _admit(request)
    call_sid, calls = request.match_info["sid"], request.app[CALLS]
    if calls.store_lookup is None or not CALL_SID.fullmatch(call_sid):
        return _no_such_call()
    try:
        found = await calls.store_lookup.write_behind.ask(lambda store: store.so_far(call_sid), LOOK_S)
    except StoreAway:
        return web.json_response({"code": "no_store", "error": "the call store does not answer"}, status=503)
    live = calls.directory.find(call_sid)
    ours = live if live is not None and live.past.outgoing else None
    summary = None if found is None or found.summary.direction != OUTBOUND else found.summary
    return _no_such_call() if ours is None and summary is None else web.json_response(_told(call_sid, ours, summary))


def _told(call_sid: str, live: LiveCall | None, stored: CallSummary | None) -> dict[str, Any]:
    """The call as it is here and in the store, which hears of it a moment later. No number, no word of the callee's."""
    answered_by = (live.answered_by if live is not None else "") or (stored.answered_by if stored is not None else "")
    picked_up = bool(answered_by) or (live is not None and live.bridge.attached)
    over = stored is not None and stored.ended_at is not None
    return {
        "id": call_sid,
        "status": "ended" if over else "answered" if picked_up else "ringing",
        "answered_by": answered_by or None,
        "reason": stored.reason if stored is not None and over else None,
        "seconds": stored.seconds if stored is not None and over else None,
        "turns": 0 if stored is None else stored.turns,
        "usd": 0.0 if stored is None else stored.nano_usd / 1_000_000_000,
    }


def _no_such_call() -> web.Response:
    return web.json_response({"code": "no_such_call", "error": "no call of that id was made"}, status=404)


def _admit(request: web.Request) -> None:
    """Refuse who does not show the token; where there is none, everybody."""
    token, log = request.app[SETTINGS].admin_token.get_secret_value(), request.app[RATE_LIMITED_LOG]
    if not token:
        log.inform("calls_refused", why="ADMIN_TOKEN is not set: nobody may have calls made")
        raise web.HTTPForbidden(text="no calls are made for anybody while ADMIN_TOKEN is not set\n")
    if not shows(request, token):
        log.inform("calls_refused", why="no or a wrong token: send ADMIN_TOKEN as a bearer token")
        raise web.HTTPUnauthorized(headers=BEARER, text="show ADMIN_TOKEN as a bearer token\n")


def _refused(request: web.Request, refusal: NotPlaced) -> web.Response:
    request.app[METER].dial_refused(refusal.code)
    _log.warning("call_not_placed", why=refusal.code, twilio=refusal.twilio or None)
    told: dict[str, Any] = {"code": refusal.code, "error": refusal.sentence}
    headers: dict[str, str] = {}
    if refusal.twilio:
        told["twilio_error"] = refusal.twilio
    if refusal.not_before is not None:
        told["not_before"] = refusal.not_before.isoformat(timespec="seconds")
    if refusal.code in {"draining", "full", "being_placed", "no_store"}:
        headers["Retry-After"] = "5"
    return web.json_response(told, status=refusal.status, headers=headers)
