"""The webhooks: what Twilio shall do with a call (twilio-voice.md, sections 1 and 2)."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qsl, urlsplit

import structlog
from aiohttp import web

from bot.call.outputs import EndReason
from bot.server.context import CALLS, SETTINGS, TWIML
from bot.twilio.signature import absolute, stream_url, webhook_ok

CALL_SID = re.compile("CA[0-9a-fA-F]{32}")
PATHS = frozenset({"/voice", "/voice/next", "/voice/status"})
"""The webhooks as they are routed when no prefix of PUBLIC_URL stands before them."""
BODY_S = 5.0
"""A form that has not come whole by then is waited for no longer."""
SETTLE_S = 1.5
"""How long /voice/next waits for a call whose stream has just ended; Twilio itself would wait 15 s."""

SPOKEN: dict[EndReason, str] = dict.fromkeys(("model_unavailable", "internal_error", "line_lost", "drained"), "sorry")
"""What is said after the stream; a call that ended for any other reason is hung up."""

_log = structlog.get_logger()
Form = dict[str, str]


async def answer(request: web.Request) -> web.Response:
    """POST /voice: a call comes in. The model is dialled here, once per call, however often Twilio asks."""
    form = await _signed_form(request)
    call_sid = _call_sid(form)
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    if settings.twilio_account_sid and form.get("AccountSid") != settings.twilio_account_sid:
        raise web.HTTPForbidden(text="the call belongs to another account\n")
    live = calls.find(call_sid)
    entry = calls.enter(call_sid)
    if entry == "over" or (live is not None and live.bridge.call.ended is not None):
        return _twiml(request, "goodbye")
    if entry == "streaming":
        raise web.HTTPConflict(text="the call is being answered already\n")
    if entry == "full":
        why = "draining" if calls.draining else "full"
        _log.warning("call_refused", call_sid=call_sid, why=why)
        if calls.draining:
            return _twiml(request, "hold", voice_url=absolute(settings.public_url, "/voice"))
        return _twiml(request, "busy")
    if entry == "new":
        calls.start(call_sid)
        _log.info("call_started", call_sid=call_sid, calls=len(calls))
    return _twiml(
        request,
        "answer",
        stream_url=stream_url(settings.public_url, calls.new_token(call_sid)),
        action_url=absolute(settings.public_url, "/voice/next"),
    )


async def following(request: web.Request) -> web.Response:
    """POST /voice/next: the stream is over."""
    form = await _signed_form(request)
    call_sid = _call_sid(form)
    calls = request.app[CALLS]
    live = calls.find(call_sid)
    calls.followed_up(call_sid)
    if live is not None:
        if not live.bridge.attached:
            live.bridge.shutdown("line_lost")
        await live.bridge.over(SETTLE_S)
    reason = live.bridge.call.ended if live is not None else calls.registry.outcome(call_sid)
    return _twiml(request, SPOKEN.get(reason, "goodbye") if reason is not None else "goodbye")


async def status(request: web.Request) -> web.Response:
    """POST /voice/status: call progress."""
    form = await _signed_form(request)
    call_sid = _call_sid(form)
    _log.info("call_status", call_sid=call_sid, status=form.get("CallStatus", ""), error=form.get("ErrorCode"))
    return web.Response(status=204)


async def _signed_form(request: web.Request) -> Form:
    """The form of a request that Twilio signed. 403 comes before any look at what the form says."""
    settings = request.app[SETTINGS]
    fields = parse_qsl((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True)
    signature = request.headers.get("X-Twilio-Signature", "")
    if not webhook_ok(settings.auth_tokens, _requested_url(request), fields, signature):
        _log.warning("webhook_refused", path=request.path, why="wrong or missing signature")
        raise web.HTTPForbidden(text="the request is not signed by Twilio\n")
    return dict(fields)


async def _body(request: web.Request) -> bytes:
    """At most 64 KiB, or 413; within a few seconds, or 408."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the form did not come in time\n") from None


def _requested_url(request: web.Request) -> str:
    """The URL Twilio asked for. PUBLIC_URL's prefix is in it once, whether or not a proxy took it off the path."""
    public_url = request.app[SETTINGS].public_url
    resource = request.match_info.route.resource
    if resource is None or resource.canonical not in PATHS:
        public_url = public_url.removesuffix(urlsplit(public_url).path)
    return absolute(public_url, request.raw_path)


def _call_sid(form: Form) -> str:
    call_sid = form.get("CallSid", "")
    if not CALL_SID.fullmatch(call_sid):
        raise web.HTTPBadRequest(text="the form has no valid CallSid\n")
    return call_sid


def _twiml(request: web.Request, document: str, **values: str) -> web.Response:
    return web.Response(text=request.app[TWIML].render(document, **values), content_type="text/xml")
