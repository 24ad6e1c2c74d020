"""The webhooks: what Twilio shall do with a call (twilio-voice.md, sections 1 and 2)."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import structlog
from aiohttp import web

from bot.server.context import CALLS, DOOR, METER, SETTINGS, TWIML
from bot.server.following import what_follows
from bot.server.handover import letter
from bot.server.live import LiveCalls
from bot.server.measures import WebhookRefusal
from bot.server.past import Parties
from bot.server.walls import may_call
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

PATIENCE = "#rc=5&rp=ct,rt,5xx&ct=3000&rt=15000&tt=15000"
"""What Twilio shall do while we start again (section 1.4): try up to five times more, within its 15 s."""
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
WITHHELD = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})
"""What callers who withhold their number are said to be called: the letters of a keypad, and nobody's number."""

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
    caller = form.get("From", "")
    if not may_call(settings, caller):
        return _turned_away(request, call_sid, "caller_denied", "reject")
    live = calls.find(call_sid)
    if calls.turns_away(call_sid):
        return _turned_away(request, call_sid, "spend_limit", "spent")
    if await _handed_over(request, call_sid):
        return web.Response()  # goes nowhere: the connection is another process's now
    entry = calls.enter(call_sid, caller)
    if entry == "over" or (live is not None and live.bridge.call.ended is not None):
        _refused(request, "is_over")
        return _twiml(request, "goodbye")
    if entry == "streaming":
        _refused(request, "being_answered")
        raise web.HTTPConflict(text="the call is being answered already\n")
    if entry == "full":
        return _no_room(request, call_sid)
    if entry in {"caller_at_once", "caller_rate"}:
        return _turned_away(request, call_sid, entry, "busy")
    if entry == "new" and not await _begins(calls, call_sid, Parties(caller, form.get("To", ""))):
        _refused(request, "is_over")
        return _twiml(request, "goodbye")
    return _stream(request, call_sid)


async def _handed_over(request: web.Request, call_sid: str) -> bool:
    """Whether the connection went to a process that has an idle session for this call, while there is none here."""
    handover, calls = request.app[DOOR].handover, request.app[CALLS]
    if handover is None or not calls.lacks_idle:
        return False
    whole = letter(request, await request.read())
    owner = None if whole is None else calls.better_served_by(call_sid)
    return await handover.give(request, whole, owner)


async def _begins(calls: LiveCalls, call_sid: str, parties: Parties) -> bool:
    """Whether a call that is new here begins: not when the store knows its end. One that can't begin takes no place."""
    try:
        if await calls.ended_before(call_sid):
            return False
        if calls.find(call_sid) is None:  # its stream may have come meanwhile
            calls.start(call_sid, parties)
    except BaseException:
        calls.registry.forget(call_sid)
        raise
    _log.info("call_started", call_sid=call_sid, calls=len(calls))
    return True


async def following(request: web.Request) -> web.Response:
    """POST /voice/next: the stream is over."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    calls = request.app[CALLS]
    there, held, leg = form.get("CallStatus") == "in-progress", _number(request, "held"), _number(request, "leg")
    what = await what_follows(calls, call_sid, there=there, held=held, leg=leg)
    if what == "hold":
        calls.rounds.send(call_sid)
        return _twiml(request, "hold", voice_url=_next_url(request, leg, held + 1))
    calls.rounds.came(call_sid)
    if what == "go_on":
        return _stream(request, call_sid)
    if what == "stale":  # played again, or very late
        _refused(request, "is_over")
        return _twiml(request, "goodbye")
    calls.registry.asked(call_sid)
    if what == "fallback":
        return _fallback(request, call_sid, form) if there else _twiml(request, "sorry")
    return _twiml(request, "limit" if what == "limit" else "goodbye")


async def dialled(request: web.Request) -> web.Response:
    """POST /voice/dialled: the person who was rung has hung up, or never answered."""
    form = await _signed_form(request)
    call_sid = _call_sid(request, form)
    request.app[CALLS].rounds.came(call_sid)
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
    request.app[CALLS].rounds.came(call_sid)
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
    _log.info("call_status", call_sid=call_sid, status=form.get("CallStatus", ""), error=form.get("ErrorCode"))
    return web.Response(status=204)


def _no_room(request: web.Request, call_sid: str) -> web.Response:
    """One call too many: it goes to the instance that takes over, to where the operator said, or is busy.

    It is sent round while somebody is here, or takes calls, to answer it then.
    """
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    if calls.draining and (not calls.leaving or calls.registry.others_accept()):
        calls.rounds.send(call_sid)
        again = absolute(settings.public_url, "/voice") + PATIENCE
        return _turned_away(request, call_sid, "draining", "hold", voice_url=again)
    calls.rounds.came(call_sid)
    why: WebhookRefusal = "draining" if calls.draining else "overloaded" if calls.load.high else "full"
    if settings.overflow_url:
        return _turned_away(request, call_sid, why, "overflow", overflow_url=settings.overflow_url)
    return _turned_away(request, call_sid, why, "busy")


def _turned_away(
    request: web.Request, call_sid: str, why: WebhookRefusal, document: str, **values: str
) -> web.Response:
    """A call that is not taken, and what Twilio shall do with it. The log does not say who called."""
    _refused(request, why)
    _log.warning("call_refused", call_sid=call_sid, why=why)
    return _twiml(request, document, **values)


def _stream(request: web.Request, call_sid: str) -> web.Response:
    """A stream for a call that waits for one."""
    calls, public_url = request.app[CALLS], request.app[SETTINGS].public_url
    live = calls.find(call_sid)
    return _twiml(
        request,
        "answer",
        stream_url=stream_url(public_url, calls.new_token(call_sid)),
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
    if calls.draining and settings.fallback != "apology":
        calls.rounds.send(call_sid)
    if settings.fallback == "voicemail":
        return _twiml(request, "voicemail", action_url=absolute(settings.public_url, "/voice/recorded") + PATIENCE)
    caller_id = _shown_number(form)
    if settings.fallback == "apology" or not caller_id:
        return _twiml(request, "sorry")
    action_url = absolute(settings.public_url, "/voice/dialled") + PATIENCE
    return _twiml(request, "transfer", number=settings.fallback, caller_id=caller_id, action_url=action_url)


def _shown_number(form: Form) -> str:
    """Whom the person who is rung sees: the caller, or the number he called where his own is none (section 2.3)."""
    numbers = (form.get("From", ""), form.get("To", ""))
    return next((one for one in numbers if E164.fullmatch(one) and one not in WITHHELD), "")


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
        _refused(request, "signature")
        _log.warning("webhook_refused", path=request.path, why="wrong or missing signature")
        raise web.HTTPForbidden(text="the request is not signed by Twilio\n")
    return dict(fields)


def _fields(request: web.Request, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form in their order. More than any form of Twilio's has is 413, as is a form too long."""
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        _refused(request, "too_long")
        raise web.HTTPRequestEntityTooLarge(MAX_FIELDS, text="the form has too many fields\n") from None


async def _body(request: web.Request) -> bytes:
    """At most 64 KiB, or 413; within a few seconds, or 408; whole and readable, or 400."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        _refused(request, "too_long")
        raise
    except TimeoutError:
        _refused(request, "late")
        raise web.HTTPRequestTimeout(text="the form did not come in time\n") from None
    except (web.RequestPayloadError, ConnectionError):
        _refused(request, "form")
        request.content.feed_eof()  # or aiohttp reads on for a while, fails at the same place and it counts twice
        raise web.HTTPBadRequest(text="the form did not come whole\n") from None


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
