"""Webhooks about a call: POST /voice as it comes in, POST /voice/status as Twilio tells of its progress."""

from __future__ import annotations

import structlog
from aiohttp import web

from bot.server.bookkeeping.metric_list import WebhookRefusal
from bot.server.directory.call_admission import may_call
from bot.server.directory.departure import Phase
from bot.server.http.app_keys import CALLS, METER, SETTINGS, of_call
from bot.server.http.put_through.dialled import caller_gone
from bot.server.http.voice_webhooks.before_call import begin_call, begun_already
from bot.server.http.voice_webhooks.outgoing import unanswered
from bot.server.http.webhook import Form, call_is_over, callback_url, refused, signed_form, twiml

ENDED_STATUSES = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""CallStatus of a call that is no more (twilio-voice 1)."""

_log = structlog.get_logger()


async def answer(request: web.Request) -> web.Response:
    """POST /voice: a call comes in. The model is dialled here, once per call, however often Twilio asks."""
    call_sid, form = await signed_form(request)
    settings, calls = request.app[SETTINGS], request.app[CALLS]
    if settings.twilio_account_sid and form.get("AccountSid") != settings.twilio_account_sid:
        refused(request, "account", call_sid=call_sid, why=_other_account(form, settings.twilio_account_sid))
        raise web.HTTPForbidden(text="the call belongs to another account\n")
    caller = form.get("From", "")
    chosen = of_call(request)
    if not may_call(chosen, caller):
        return _turned_away(request, call_sid, "caller_denied", "reject")
    live = calls.directory.find(call_sid)
    if calls.admission.too_dear(call_sid):
        return _turned_away(request, call_sid, "spend_limit", "spent")
    entry = calls.admission.enter(call_sid, caller, chosen)
    if entry == "over" or (live is not None and live.bridge.call.ended is not None):
        return call_is_over(request, call_sid)
    if entry == "streaming":
        refused(request, "being_answered", call_sid=call_sid, why="the stream of this call is open already")
        raise web.HTTPConflict(text="the call is being answered already\n")
    if entry == "full":
        return _no_room(request, call_sid)
    if entry in {"caller_at_once", "caller_rate"}:
        return _turned_away(request, call_sid, entry, "busy")
    if entry == "new":
        return await begin_call(request, call_sid, form)
    return await begun_already(request, call_sid, form)


def _no_room(request: web.Request, call_sid: str) -> web.Response:
    """One call too many: it goes to the instance that takes over, to where the operator said, or is busy.

    It is redirected while somebody is here, or takes calls, to answer it then.
    """
    settings, calls = of_call(request), request.app[CALLS]
    departure = calls.departure
    if departure.draining and (departure.phase is not Phase.LEAVING or calls.registry.processes.others_accept()):
        departure.redirected.send(call_sid)
        return _turned_away(request, call_sid, "draining", "hold", voice_url=callback_url(request, "/voice"))
    departure.redirected.came(call_sid)
    why: WebhookRefusal = "draining" if departure.draining else "overloaded" if calls.admission.load.high else "full"
    if settings.overflow_url:
        return _turned_away(request, call_sid, why, "overflow", overflow_url=settings.overflow_url)
    return _turned_away(request, call_sid, why, "busy")


def _turned_away(
    request: web.Request, call_sid: str, why: WebhookRefusal, document: str, **values: str
) -> web.Response:
    """TwiML for a call that is not taken. The log does not say who called."""
    request.app[METER].webhook_refused(why)
    _log.warning("call_refused", call_sid=call_sid, why=why)
    return twiml(request, document, **values)


def _other_account(form: Form, expected: str) -> str:
    return (
        f"the call belongs to the account that ends in {form.get('AccountSid', '')[-4:] or 'nothing'}, "
        f"and TWILIO_ACCOUNT_SID ends in {expected[-4:]}: mend that, or the number's webhook"
    )


async def status(request: web.Request) -> web.Response:
    """POST /voice/status: call progress."""
    call_sid, form = await signed_form(request)
    call_status = form.get("CallStatus", "")
    _log.info("call_status", call_sid=call_sid, status=call_status, error=form.get("ErrorCode"))
    if call_status in ENDED_STATUSES:
        unanswered(request, call_sid, call_status)
        request.app[CALLS].endings.caller_gone(call_sid)
        await caller_gone(request, call_sid, form)
    return web.Response(status=204)
