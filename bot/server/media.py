"""The media WebSocket: who may open it, and the loop that reads it (twilio-voice.md, section 3)."""

from __future__ import annotations

import asyncio
from typing import cast

import structlog
from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from bot.server.bridge import Bridge
from bot.server.context import CALLS, DOOR, SETTINGS
from bot.server.phone_socket import CLOSE_S, PhoneSocket
from bot.twilio.signature import stream_ok, stream_url
from bot.twilio.token import BadToken

MAX_MESSAGE_BYTES = 64 * 1024
START_S = 5.0
"""A socket that has not sent `start` by then is closed."""
HEARTBEAT_S = 20.0
CLEAN = frozenset({WSCloseCode.OK, WSCloseCode.GOING_AWAY})

_log = structlog.get_logger()


async def media(request: web.Request) -> web.StreamResponse:
    """GET /media/{token}: 403 before the upgrade unless Twilio signed it and the token is good for one more use."""
    token = request.match_info["token"]
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    signature = request.headers.get("X-Twilio-Signature", "")
    if not stream_ok(settings.auth_tokens, stream_url(settings.public_url, token), signature):
        raise _forbidden("wrong or missing signature")
    ws = web.WebSocketResponse(
        max_msg_size=MAX_MESSAGE_BYTES, compress=False, heartbeat=HEARTBEAT_S, timeout=CLOSE_S, decode_text=True
    )
    if not ws.can_prepare(request).ok:
        raise web.HTTPBadRequest(text="this address speaks WebSocket only\n")
    try:
        opened = calls.opened(token)
        live = calls.find(opened.call_sid)
        if live is None and _handed_over(request, opened.call_sid):
            return web.Response()  # goes nowhere: the connection is another process's now
        calls.redeem(opened)
    except BadToken as error:
        raise _forbidden(str(error)) from None
    if live is not None and live.bridge.call.ended is not None:
        raise _forbidden("the call is over")
    bridge = (live or calls.start(opened.call_sid)).bridge
    bridge.attached = True
    code = int(WSCloseCode.ABNORMAL_CLOSURE)
    try:
        await ws.prepare(request)
        bridge.attach(PhoneSocket(ws, cast("asyncio.Transport", request.transport)))
        code = await _read(ws, bridge) or ws.close_code or code
    finally:
        bridge.phone_closed(clean=code in CLEAN, code=int(code))
    await bridge.finished()
    return ws


def _handed_over(request: web.Request, call_sid: str) -> bool:
    """Whether the connection went to the process that holds the session of this call."""
    handover, owner = request.app[DOOR].handover, request.app[CALLS].registry.owner(call_sid)
    return handover is not None and owner is not None and handover.give(request, owner)


def _forbidden(why: str) -> web.HTTPForbidden:
    _log.warning("stream_refused", why=why)
    return web.HTTPForbidden(text=f"{why}\n")


async def _read(ws: web.WebSocketResponse, bridge: Bridge) -> int:
    """Feed the bridge until the socket is gone, whoever closed it. Gives the code of what could not be read, or 0."""
    timer = asyncio.get_running_loop().call_later(START_S, bridge.no_start)
    broken = 0
    try:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                bridge.phone_text(message.data)
            elif message.type is WSMsgType.BINARY:
                bridge.refuse("phone>bot", "binary")
            elif isinstance(message.data, WebSocketError):  # too long, or no WebSocket: closed for it by now
                broken = message.data.code
    finally:
        timer.cancel()
    return broken
