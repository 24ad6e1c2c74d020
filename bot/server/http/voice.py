"""The webhooks: what Twilio shall do with a call (twilio-voice 1 and 2)."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import structlog
from aiohttp import web

from bot.config.values.caller_lists import e164
from bot.server.bookkeeping.metric_list import WebhookRefusal
from bot.server.directory.after_stream import what_follows
from bot.server.directory.departure import Phase
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.handler_context import CALLS, METER, SETTINGS, SPARING, TWIML
from bot.server.http.not_found import shown
from bot.server.setup.caller_access import may_call
from bot.server.shared.resumption import Parties
from bot.twilio.signature import absolute, stream_url, webhook_ok

CALL_SID = re.compile("CA[0-9a-fA-F]{32}")
PATHS = frozenset({"/voice", "/voice/next", "/voice/status", "/voice/dialled", "/voice/recorded"})
"""The webhooks as they are routed when no prefix of PUBLIC_URL stands before them."""
MAX_DETAIL = 200
"""Of what Twilio tells, in characters."""
MAX_FIELDS = 500
"""Of a form; Twilio sends some thirty. To sort what it takes to judge 64 KiB of tiny ones would hold every call up."""
BODY_S = 5.0
"""A form that has not come whole by then is waited for no longer."""

OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""What Twilio calls a call that is no more (twilio-voice 1)."""
PATIENCE = "#rc=5&rp=ct,rt,5xx&ct=3000&rt=15000&tt=15000"
"""What Twilio shall do while we start again (twilio-voice 1.4): try up to five times more, within its 15 s."""

_log = structlog.get_logger()
Form = dict[str, str]


async def answer(request: web.Request) -> web.Response:
    """POST /voice: a call comes in. The model is dialled here, once per call, however often Twilio asks."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    if settings.twilio_account_sid and form.get("AccountSid") != settings.twilio_account_sid:
        _refused(request, "account", call_sid=call_sid, why=_other_account(form, settings.twilio_account_sid))
        raise web.HTTPForbidden(text="the call belongs to another account\n")
    caller = form.get("From", "")
    if not may_call(settings, caller):
        return _turned_away(request, call_sid, "caller_denied", "reject")
    live = calls.directory.find(call_sid)
    if calls.admission.too_dear(call_sid):
        return _turned_away(request, call_sid, "spend_limit", "spent")
    entry = calls.admission.enter(call_sid, caller)
    if entry == "over" or (live is not None and live.bridge.call.ended is not None):
        return _is_over(request, call_sid)
    if entry == "streaming":
        _refused(request, "being_answered", call_sid=call_sid, why="the stream of this call is open already")
        raise web.HTTPConflict(text="the call is being answered already\n")
    if entry == "full":
        return _no_room(request, call_sid)
    if entry in {"caller_at_once", "caller_rate"}:
        return _turned_away(request, call_sid, entry, "busy")
    if entry == "new":
        _begin(calls, call_sid, Parties(caller, form.get("To", "")))
    return _stream(request, call_sid)


def _begin(calls: LiveCalls, call_sid: str, parties: Parties) -> None:
    """Nothing is waited for: what another instance may have told the store is asked beside the dial.

    A call that can't begin takes no place.
    """
    try:
        calls.starter.start(call_sid, parties, new=True)
    except BaseException:
        calls.registry.end(call_sid, None)
        raise
    _log.info("call_started", call_sid=call_sid, calls=len(calls.directory))


async def following(request: web.Request) -> web.Response:
    """POST /voice/next: the stream is over."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    calls = request.app[CALLS]
    there, held, leg = form.get("CallStatus") == "in-progress", _number(request, "held"), _number(request, "leg")
    what = await what_follows(calls, call_sid, there=there, held=held, leg=leg)
    if what == "hold":
        calls.departure.rounds.send(call_sid)
        return _twiml(request, "hold", voice_url=_next_url(request, leg, held + 1))
    calls.departure.rounds.came(call_sid)
    if what == "go_on":
        return _stream(request, call_sid)
    if what == "stale":  # played again, or very late
        return _is_over(request, call_sid)
    calls.registry.asked(call_sid)
    if what == "fallback":
        return _fallback(request, call_sid, form) if there else _twiml(request, "sorry")
    return _twiml(request, "limit" if what == "limit" else "goodbye")


async def dialled(request: web.Request) -> web.Response:
    """POST /voice/dialled: the person who was rung has hung up, or never answered."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    request.app[CALLS].departure.rounds.came(call_sid)
    became = form.get("DialCallStatus", "")
    answered = became in {"completed", "answered"}
    _log.info("call_transferred" if answered else "transfer_failed", call_sid=call_sid, status=became[:MAX_DETAIL])
    shelf = request.app[CALLS].shelf
    if shelf is not None:
        shelf.note(call_sid, "dialled", {"status": became[:MAX_DETAIL], "seconds": _seconds(form, "DialCallDuration")})
        if answered:
            shelf.transferred(call_sid)
    return _twiml(request, "goodbye" if answered else "sorry")


async def recorded(request: web.Request) -> web.Response:
    """POST /voice/recorded: the caller has left a message, which lies with Twilio."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    request.app[CALLS].departure.rounds.came(call_sid)
    message = {
        "recording_sid": form.get("RecordingSid", "")[:MAX_DETAIL],
        "url": form.get("RecordingUrl", "")[:MAX_DETAIL],
        "seconds": _seconds(form, "RecordingDuration"),
    }
    _log.info("message_left", call_sid=call_sid, **message)
    shelf = request.app[CALLS].shelf
    if shelf is not None:
        shelf.note(call_sid, "message_left", message)
    return _twiml(request, "thanks")


async def status(request: web.Request) -> web.Response:
    """POST /voice/status: call progress."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    became = form.get("CallStatus", "")
    _log.info("call_status", call_sid=call_sid, status=became, error=form.get("ErrorCode"))
    if became in OVER:
        request.app[CALLS].endings.caller_gone(call_sid)
    return web.Response(status=204)


def _no_room(request: web.Request, call_sid: str) -> web.Response:
    """One call too many: it goes to the instance that takes over, to where the operator said, or is busy.

    It is sent round while somebody is here, or takes calls, to answer it then.
    """
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    departure = calls.departure
    if departure.draining and (departure.phase is not Phase.LEAVING or calls.registry.presence.others_accept()):
        departure.rounds.send(call_sid)
        again = absolute(settings.public_url, "/voice") + PATIENCE
        return _turned_away(request, call_sid, "draining", "hold", voice_url=again)
    departure.rounds.came(call_sid)
    why: WebhookRefusal = "draining" if departure.draining else "overloaded" if calls.admission.load.high else "full"
    if settings.overflow_url:
        return _turned_away(request, call_sid, why, "overflow", overflow_url=settings.overflow_url)
    return _turned_away(request, call_sid, why, "busy")


def _turned_away(
    request: web.Request, call_sid: str, why: WebhookRefusal, document: str, **values: str
) -> web.Response:
    """A call that is not taken, and what Twilio shall do with it. The log does not say who called."""
    request.app[METER].webhook_refused(why)
    _log.warning("call_refused", call_sid=call_sid, why=why)
    return _twiml(request, document, **values)


def _stream(request: web.Request, call_sid: str) -> web.Response:
    """A stream for a call that waits for one."""
    calls, public_url = request.app[CALLS], request.app[SETTINGS].public_url
    live = calls.directory.find(call_sid)
    return _twiml(
        request,
        "answer",
        stream_url=stream_url(public_url, calls.tokens.issue(call_sid)),
        action_url=_next_url(request, live.past.leg if live is not None else 0),
    )


def _next_url(request: web.Request, leg: int, held: int = 0) -> str:
    """Where Twilio asks what follows this stream of the call, the first being 0, and how often it was sent round."""
    query = urlencode({name: number for name, number in (("leg", leg), ("held", held)) if number})
    path = "/voice/next" + (f"?{query}" if query else "")
    return absolute(request.app[SETTINGS].public_url, path) + PATIENCE


def _fallback(request: web.Request, call_sid: str, form: Form) -> web.Response:
    """What the operator has chosen for a call that can't go on. No number comes from the caller but his own.

    A process that leaves waits a little for what becomes of it: a number that is busy, say.
    """
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    if calls.departure.draining and settings.fallback != "apology":
        calls.departure.rounds.send(call_sid)
    if settings.fallback == "voicemail":
        return _twiml(request, "voicemail", action_url=absolute(settings.public_url, "/voice/recorded") + PATIENCE)
    caller_id = _shown_number(form)
    if settings.fallback == "apology" or not caller_id:
        return _twiml(request, "sorry")
    action_url = absolute(settings.public_url, "/voice/dialled") + PATIENCE
    return _twiml(request, "transfer", number=settings.fallback, caller_id=caller_id, action_url=action_url)


def _shown_number(form: Form) -> str:
    """Whom the person who is rung sees: the caller, or the number called where theirs is none (twilio-voice 2.3)."""
    return e164(form.get("From", "")) or e164(form.get("To", ""))


def _number(request: web.Request, name: str) -> int:
    """A small number in the query, which is signed with the rest of the URL."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0


def _seconds(form: Form, name: str) -> int:
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


async def _signed_form(request: web.Request) -> Form:
    """The form of a request that Twilio signed. 403 comes before any look at what the form says."""
    settings = request.app[SETTINGS]
    signature = request.headers.get("X-Twilio-Signature", "")
    fields = _fields(request, await _body(request)) if signature else []  # an unsigned form is not even waited for
    if not signature or not webhook_ok(settings.auth_tokens, _requested_url(request), fields, signature):
        kind, mend = "wrong" if signature else "missing", _unsigned(request, signature)
        _refused_stranger(request, "signature", kind, why="wrong or missing signature", mend=mend)
        raise web.HTTPForbidden(text="the request is not signed by Twilio\n")
    return dict(fields)


def _fields(request: web.Request, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form in their order. More than any form of Twilio's has is 413, as is a form too long."""
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        _refused_stranger(request, "too_long", why=f"the form has more than {MAX_FIELDS} fields")
        raise web.HTTPRequestEntityTooLarge(MAX_FIELDS, text="the form has too many fields\n") from None


async def _body(request: web.Request) -> bytes:
    """At most 64 KiB, or 413; within a few seconds, or 408; whole and readable, or 400."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        _refused_stranger(request, "too_long", why="the form is larger than 64 KiB")
        raise
    except TimeoutError:
        _refused_stranger(
            request, "late", why=f"the form had not come whole after {BODY_S:g} s", mend="look at the proxy"
        )
        raise web.HTTPRequestTimeout(text="the form did not come in time\n") from None
    except (web.RequestPayloadError, ConnectionError):
        _refused_stranger(request, "form", why="the form did not come whole")
        request.content.feed_eof()  # or aiohttp reads on for a while, fails at the same place and it counts twice
        raise web.HTTPBadRequest(text="the form did not come whole\n") from None


def _refused(request: web.Request, kind: WebhookRefusal, **fields: str) -> None:
    """Count and tell a refusal of what Twilio asked."""
    request.app[METER].webhook_refused(kind)
    _log.warning("webhook_refused", path=request.path, **fields)


def _refused_stranger(request: web.Request, kind: WebhookRefusal, detail: str = "", **fields: Any) -> None:
    """The same of what anybody may have sent: told now and then, of each kind, `detail` and webhook."""
    request.app[METER].webhook_refused(kind)
    request.app[SPARING].warn("webhook_refused", kind, detail, request.path, path=request.path, **fields)


def _is_over(request: web.Request, call_sid: str) -> web.Response:
    _refused(request, "is_over", call_sid=call_sid, why="the call is over")
    return _twiml(request, "goodbye")


def _other_account(form: Form, expected: str) -> str:
    return (
        f"the call belongs to the account that ends in {form.get('AccountSid', '')[-4:] or 'nothing'}, "
        f"and TWILIO_ACCOUNT_SID ends in {expected[-4:]}: mend that, or the number's webhook"
    )


def _unsigned(request: web.Request, signature: str) -> str:
    """Why a request is not believed to be Twilio's, with the likely mend."""
    if not signature:
        return "it has no X-Twilio-Signature: somebody other than Twilio asks, or a proxy takes the header away"
    public_url, kind = request.app[SETTINGS].public_url, request.content_type
    why = f"its signature is wrong: TWILIO_AUTH_TOKEN is not the account's, or Twilio was not given {public_url}"
    asked, known = request.headers.get("Host", "").partition(":")[0], urlsplit(public_url).hostname
    if asked != known:
        why += f"; it was asked as {shown(asked)}"
    if kind != "application/x-www-form-urlencoded":
        why += f"; its body is {shown(kind)}, where Twilio sends a form"
    return why


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
        _refused(request, "form", why="the form has no valid CallSid")
        raise web.HTTPBadRequest(text="the form has no valid CallSid\n")
    return call_sid


def _twiml(request: web.Request, document: str, **values: str) -> web.Response:
    return web.Response(text=request.app[TWIML].render(document, **values), content_type="text/xml")
