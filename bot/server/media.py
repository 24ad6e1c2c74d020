"""The media WebSocket: who may open it, and the loop that reads it (twilio-voice.md, section 3)."""

from __future__ import annotations

import asyncio
from typing import cast

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from bot.server.bridge import Bridge
from bot.server.context import CALLS, SETTINGS
from bot.server.phone_socket import CLOSE_S, PhoneSocket
from bot.twilio.signature import stream_ok, stream_url
from bot.twilio.token import BadToken

MAX_MESSAGE_BYTES = 64 * 1024
START_S = 5.0
"""A socket that has not sent `start` by then is closed."""
HEARTBEAT_S = 20.0

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
        opened = calls.redeem(token)
    except BadToken as error:
        raise _forbidden(str(error)) from None
    live = calls.find(opened.call_sid)
    if calls.registry.outcome(opened.call_sid) is not None or (live is not None and live.bridge.attached):
        raise _forbidden("the call has a stream or is over")
    bridge = (live or calls.start(opened.call_sid)).bridge
    bridge.attached = True
    try:
        await ws.prepare(request)
        bridge.attach(PhoneSocket(ws, cast("asyncio.Transport", request.transport)))
        await _read(ws, bridge)
    finally:
        bridge.phone_closed(clean=_clean(ws.close_code), code=ws.close_code or 1006)
    await bridge.finished()
    return ws


def _forbidden(why: str) -> web.HTTPForbidden:
    _log.warning("stream_refused", why=why)
    return web.HTTPForbidden(text=f"{why}\n")


async def _read(ws: web.WebSocketResponse, bridge: Bridge) -> None:
    """Feed the bridge until the socket is gone, whoever closed it."""
    timer = asyncio.get_running_loop().call_later(START_S, bridge.no_start)
    try:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                bridge.phone_text(message.data)
            else:
                bridge.refuse("phone>bot", "binary")
    finally:
        timer.cancel()


def _clean(code: int | None) -> bool:
    return code in {WSCloseCode.OK, WSCloseCode.GOING_AWAY}
