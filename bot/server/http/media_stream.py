"""Media streams: GET /media/{token} (twilio-voice 3). A stream without `start` is closed after START_S."""

from __future__ import annotations

import asyncio
import time

import structlog
from aiohttp import web

from bot.server.calls.bridge import Bridge
from bot.server.calls.live_call import LiveCall
from bot.server.calls.phone_side.phone_socket import ABNORMAL, NoUpgrade, PhoneSocket
from bot.server.directory.departure import Phase
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app_keys import CALLS, LISTENER, METER, RATE_LIMITED_LOG, SETTINGS
from bot.server.http.put_through.verdict import told
from bot.server.http.webhook import NO_SIGNATURE
from bot.server.shared.outcomes import FAILED
from bot.server.shared.resumption import Past
from bot.server.shared.socket_handover import request_head
from bot.server.shared.transfers import CONNECTED, GONE
from bot.twilio.signature import stream_ok, stream_url
from bot.twilio.token import BadToken, StreamToken

START_S = 5.0
"""Seconds after which a stream that has not sent `start` is closed."""

OVER_FIRST = FAILED | {"drained"}
"""Ends of a call whose stream may be yet to come, and is then let in for Twilio to ask what follows."""
_WRONG = "its signature is wrong: TWILIO_AUTH_TOKEN is not the account's, or PUBLIC_URL not where Twilio connects to"

_log = structlog.get_logger()


async def media_stream(request: web.Request) -> web.StreamResponse:
    """GET /media/{token}: 403 before the upgrade unless Twilio signed it and the token is good for one more use.

    The stream of a call for which no session was to be had is let in and closed.
    """
    token = request.match_info["token"]
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    signature = request.headers.get("X-Twilio-Signature", "")
    if not stream_ok(settings.auth_tokens, stream_url(settings.public_url, token), signature):
        request.app[METER].stream_refused("signature")
        request.app[RATE_LIMITED_LOG].warn(
            "stream_refused",
            str(bool(signature)),
            why="wrong or missing signature",
            mend=_WRONG if signature else NO_SIGNATURE,
        )
        raise web.HTTPForbidden(text="wrong or missing signature\n")
    try:
        socket = PhoneSocket(request_head(request))
    except NoUpgrade as error:
        request.app[METER].stream_refused("not_websocket")
        why = "it is no WebSocket upgrade: let the proxy pass the headers Upgrade and Connection"
        _log.warning("stream_refused", why=why, status=error.status)
        return web.Response(status=error.status, text="this address speaks WebSocket only\n")
    who: dict[str, str] = {}
    try:
        opened = calls.tokens.opened(token)
        who["call_sid"] = opened.call_sid
        live = calls.directory.find(opened.call_sid)
        if _never_began(calls, live, opened.call_sid):
            return await _closed(request, socket, opened.call_sid)
        if live is None and await _handed_over(request, opened.call_sid):
            return web.Response()  # goes nowhere: the connection is another process's now
        has_past = opened.resumed or calls.lookup is not None  # or what the lookup said of it, to another instance
        past = await _past(calls, opened) if live is None and has_past else None
        await calls.tokens.redeem(opened)
        live = live or calls.directory.find(opened.call_sid)
    except BadToken as error:
        raise _forbidden(request, error.kind, str(error), **who) from None
    if live is not None and live.bridge.call.ended is not None:
        raise _forbidden(request, "is_over", "the call is over", **who)
    past = past or Past(time.time(), profile=opened.profile)
    calls.registry.digits.drop(opened.call_sid)
    bridge = (live or calls.starter.start(opened.call_sid, past=past)).bridge
    await _stream(request, socket, bridge)
    return web.Response()  # goes nowhere: the connection is gone


def _never_began(calls: LiveCalls, live: LiveCall | None, call_sid: str) -> bool:
    """True if the call was over before any stream of it came, and what follows it will be answered."""
    over = FAILED if calls.departure.phase is Phase.GONE else OVER_FIRST
    if live is not None:
        return live.bridge.call.ended in over and not live.bridge.attached
    known = calls.registry.known(call_sid)
    return known.outcome in over and not known.claimed


async def _closed(request: web.Request, socket: PhoneSocket, call_sid: str) -> web.Response:
    """Let the stream in and close it: so Twilio asks what follows, and the caller gets what the operator chose.

    A refusal would take them on in the document that asked for the stream, which only says goodbye.
    """
    request.app[METER].stream_refused("is_over")
    _log.warning("stream_refused", why="there was no session to be had", call_sid=call_sid)
    if request.transport is not None:
        socket.take(request.transport)
        await socket.close()
    return web.Response()  # goes nowhere: the connection is gone


async def _past(calls: LiveCalls, opened: StreamToken) -> Past | None:
    """The past of a call that another instance was to carry on, or has begun."""
    stored = None if calls.store_lookup is None else await calls.store_lookup.find(opened.call_sid, settled=False)
    if stored is None:
        return None
    return stored.past._replace(leg=opened.leg, told=await _why_back(calls, opened) or stored.past.told)


async def _why_back(calls: LiveCalls, opened: StreamToken) -> str:
    """The sentence for the model where the call is carried on because a transfer came to nothing."""
    transfer = await calls.transfers.find(opened.call_sid)
    back = transfer is not None and transfer.leg == opened.leg - 1 and transfer.result not in {"", CONNECTED, GONE}
    return told(transfer, transfer.result) if back and transfer is not None else ""


async def _stream(request: web.Request, socket: PhoneSocket, bridge: Bridge) -> None:
    """Join socket and call until both are over."""
    bridge.attach(socket)
    timer = asyncio.get_running_loop().call_later(START_S, bridge.no_start, socket)
    if request.transport is None:
        bridge.phone_closed(ABNORMAL)
    else:
        socket.take(request.transport)
    try:
        await bridge.finished.wait()
    finally:
        timer.cancel()


async def _handed_over(request: web.Request, call_sid: str) -> bool:
    handover, owner = request.app[LISTENER].handover, request.app[CALLS].registry.known(call_sid).owner
    return handover is not None and await handover.give(request, owner)


def _forbidden(request: web.Request, kind: str, why: str, **who: str) -> web.HTTPForbidden:
    request.app[METER].stream_refused(kind)
    _log.warning("stream_refused", why=why, **who)
    return web.HTTPForbidden(text=f"{why}\n")
