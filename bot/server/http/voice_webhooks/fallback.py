"""Fallback: what a caller gets when the model is down (BOT_FALLBACK), and what came of it.

A person is rung, a message taken, or an apology said. The end of the stream leads here by `voice_next`.
"""

from __future__ import annotations

import structlog
from aiohttp import web

from bot.config.values.caller_lists import e164
from bot.server.http.app_keys import CALLS, of_call
from bot.server.http.webhook import Form, callback_url, signed_form, twiml

MAX_DETAIL = 200
"""Characters kept of what Twilio tells."""

_log = structlog.get_logger()


def fallback(request: web.Request, call_sid: str, form: Form) -> web.Response:
    """TwiML that the operator has chosen for a call that can't go on. No number is shown but the caller's own.

    A process that leaves waits a little for what becomes of it: a number that is busy, say.
    """
    chosen, departure = of_call(request).fallback, request.app[CALLS].departure
    if departure.draining and chosen != "apology":
        departure.redirected.send(call_sid)
    if chosen == "voicemail":
        return twiml(request, "voicemail", action_url=callback_url(request, "/voice/recorded"))
    caller_id = _shown_number(form)
    if chosen == "apology" or not caller_id:
        return twiml(request, "sorry")
    action_url = callback_url(request, "/voice/dialled")
    return twiml(request, "transfer", number=chosen, caller_id=caller_id, action_url=action_url)


def _shown_number(form: Form) -> str:
    """Number that the person who is rung sees: the caller's, or the one called where it is none (twilio-voice 2.3)."""
    return e164(form.get("From", "")) or e164(form.get("To", ""))


async def dialled(request: web.Request) -> web.Response:
    """POST /voice/dialled after a fallback: the person who was rung has hung up, or never answered."""
    call_sid, form = await signed_form(request)
    calls = request.app[CALLS]
    calls.departure.redirected.came(call_sid)
    status = form.get("DialCallStatus", "")[:MAX_DETAIL]
    answered = status in {"completed", "answered"}
    _log.info("call_transferred" if answered else "transfer_failed", call_sid=call_sid, status=status)
    if calls.store_lookup is not None:
        details = {"status": status, "seconds": seconds(form, "DialCallDuration")}
        calls.store_lookup.note(call_sid, "dialled", details)
        if answered:
            calls.store_lookup.transferred(call_sid)
    return twiml(request, "goodbye" if answered else "sorry")


async def recorded(request: web.Request) -> web.Response:
    """POST /voice/recorded: the caller has left a message, which lies with Twilio."""
    call_sid, form = await signed_form(request)
    calls = request.app[CALLS]
    calls.departure.redirected.came(call_sid)
    message = {
        "recording_sid": form.get("RecordingSid", "")[:MAX_DETAIL],
        "url": form.get("RecordingUrl", "")[:MAX_DETAIL],
        "seconds": seconds(form, "RecordingDuration"),
    }
    _log.info("message_left", call_sid=call_sid, **message)
    if calls.store_lookup is not None:
        calls.store_lookup.note(call_sid, "message_left", message)
    return twiml(request, "thanks")


def seconds(form: Form, name: str) -> int:
    """A length that Twilio tells; 0 for what is none."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
