"""The webhooks: what Twilio shall do with a call (twilio-voice.md, sections 1 and 2)."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qsl, urlsplit

import structlog
from aiohttp import web

from bot.call.outputs import EndReason
from bot.server.context import CALLS, METER, SETTINGS, TWIML
from bot.server.measures import WebhookRefusal
from bot.twilio.signature import absolute, stream_url, webhook_ok

CALL_SID = re.compile("CA[0-9a-fA-F]{32}")
PATHS = frozenset({"/voice", "/voice/next", "/voice/status"})
"""The webhooks as they are routed when no prefix of PUBLIC_URL stands before them."""
BODY_S = 5.0
"""A form that has not come whole by then is waited for no longer."""

SPOKEN: dict[EndReason, str] = dict.fromkeys(("model_unavailable", "internal_error", "line_lost", "drained"), "sorry")
"""What is said after the stream; a call that ended for any other reason is hung up."""

_log = structlog.get_logger()
Form = dict[str, str]


async def answer(request: web.Request) -> web.Response:
    """POST /voice: a call comes in. The model is dialled here, once per call, however often Twilio asks."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    if settings.twilio_account_sid and form.get("AccountSid") != settings.twilio_account_sid:
        _refused(request, "account")
        raise web.HTTPForbidden(text="the call belongs to another account\n")
    live = calls.find(call_sid)
    entry = calls.enter(call_sid)
    if entry == "over" or (live is not None and live.bridge.call.ended is not None):
        _refused(request, "is_over")
        return _twiml(request, "goodbye")
    if entry == "streaming":
        _refused(request, "being_answered")
        raise web.HTTPConflict(text="the call is being answered already\n")
    if entry == "full":
        why: WebhookRefusal = "draining" if calls.draining else "full"
        _refused(request, why)
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
    call_sid = _call_sid(request, form)
    calls = request.app[CALLS]
    reason = await calls.outcome(call_sid)
    calls.registry.asked(call_sid)
    return _twiml(request, SPOKEN.get(reason, "goodbye") if reason is not None else "goodbye")


async def status(request: web.Request) -> web.Response:
    """POST /voice/status: call progress."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    _log.info("call_status", call_sid=call_sid, status=form.get("CallStatus", ""), error=form.get("ErrorCode"))
    return web.Response(status=204)


async def _signed_form(request: web.Request) -> Form:
    """The form of a request that Twilio signed. 403 comes before any look at what the form says."""
    settings = request.app[SETTINGS]
    fields = parse_qsl((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True)
    signature = request.headers.get("X-Twilio-Signature", "")
    if not webhook_ok(settings.auth_tokens, _requested_url(request), fields, signature):
        _refused(request, "signature")
        _log.warning("webhook_refused", path=request.path, why="wrong or missing signature")
        raise web.HTTPForbidden(text="the request is not signed by Twilio\n")
    return dict(fields)


async def _body(request: web.Request) -> bytes:
    """At most 64 KiB, or 413; within a few seconds, or 408."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        _refused(request, "too_long")
        raise
    except TimeoutError:
        _refused(request, "late")
        raise web.HTTPRequestTimeout(text="the form did not come in time\n") from None


def _refused(request: web.Request, why: WebhookRefusal) -> None:
    request.app[METER].webhook_refused(why)


def _requested_url(request: web.Request) -> str:
    """The URL Twilio asked for. PUBLIC_URL's prefix is in it once, whether or not a proxy took it off the path."""
    public_url = request.app[SETTINGS].public_url
    resource = request.match_info.route.resource
    if resource is None or resource.canonical not in PATHS:
        public_url = public_url.removesuffix(urlsplit(public_url).path)
    return absolute(public_url, request.raw_path)


def _call_sid(request: web.Request, form: Form) -> str:
    call_sid = form.get("CallSid", "")
    if not CALL_SID.fullmatch(call_sid):
        _refused(request, "form")
        raise web.HTTPBadRequest(text="the form has no valid CallSid\n")
    return call_sid


def _twiml(request: web.Request, document: str, **values: str) -> web.Response:
    return web.Response(text=request.app[TWIML].render(document, **values), content_type="text/xml")
