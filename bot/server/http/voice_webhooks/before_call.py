"""The beginning of a call that is let in: the model is dialled at once, and the operator's server asked meanwhile.

It says what holds for this call, or that the call is not taken. Without a lookup a call begins as its number says.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from aiohttp import web

from bot.config import Settings
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app_keys import CALLS, METER, of_call, set_of_call
from bot.server.http.put_through.dialled import could_not_ring
from bot.server.http.put_through.ring_destination import ring
from bot.server.http.webhook import Form, call_is_over, connect_stream, twiml
from bot.server.lookup.call_lookup import Asked, CallLookup, Decision
from bot.server.shared.resumption import Parties, Past
from bot.server.shared.transfers import Transfer

NO_SUMMARY = "A call that was not answered by the bot."
"""Summary for whoever is rung before a word was said."""

_log = structlog.get_logger()


async def begin_call(request: web.Request, call_sid: str, form: Form) -> web.Response:
    """Begin the call, and answer with what Twilio shall do: open its stream, mostly."""
    calls, settings = request.app[CALLS], of_call(request)
    parties = Parties(form.get("From", ""), form.get("To", ""))
    if calls.lookup is None:
        _begin(calls, call_sid, parties, settings)
        return connect_stream(request, call_sid)
    origin_ns, ahead = time.monotonic_ns(), calls.starter.dial_ahead(settings)
    try:
        decision = await _ask(calls.lookup, call_sid, form, settings)
    except BaseException:
        calls.starter.let_go(ahead)
        calls.registry.end(call_sid, None)
        raise
    if calls.registry.known(call_sid).outcome is not None:  # the caller would not wait
        calls.starter.let_go(ahead)
        return call_is_over(request, call_sid)
    if calls.departure.ending:
        calls.starter.let_go(ahead)
        calls.registry.end(call_sid, None)
        return twiml(request, "sorry")
    if decision.transfer:
        calls.starter.let_go(ahead)
        return await _transferred(request, call_sid, form, decision)
    if not decision.refuse:
        _begin(calls, call_sid, parties, decision.settings, ahead=ahead, origin_ns=origin_ns)
        return connect_stream(request, call_sid)
    calls.starter.let_go(ahead)
    calls.registry.end(call_sid, None)
    return _refused(request, call_sid, decision)


async def begun_already(request: web.Request, call_sid: str, form: Form) -> web.Response:
    """Twilio asks again about a call that has begun, or that is still being asked about."""
    lookup = request.app[CALLS].lookup
    if lookup is not None and lookup.goes_on(call_sid):
        decision = await _ask(lookup, call_sid, form, of_call(request))
        if decision.refuse:
            return _refused(request, call_sid, decision)
        if decision.transfer:
            return await _transferred(request, call_sid, form, decision)
    return connect_stream(request, call_sid)


async def _ask(lookup: CallLookup, call_sid: str, form: Form, settings: Settings) -> Decision:
    asked = Asked(call_sid, form.get("From", ""), form.get("To", ""), form.get("StirVerstat", ""))
    return await lookup.ask(asked, settings)


def _begin(calls: LiveCalls, call_sid: str, parties: Parties, settings: Settings, **ahead: Any) -> None:
    """Dial at once, if no session is there already: what another instance may have told the store is asked beside.

    A call that can't begin takes no place.
    """
    try:
        calls.starter.start(call_sid, parties, new=True, settings=settings, **ahead)
    except BaseException:
        calls.registry.end(call_sid, None)
        raise
    profile = {"profile": settings.profile} if settings.profile else {}
    _log.info("call_started", call_sid=call_sid, calls=len(calls.directory), **profile)


async def _transferred(request: web.Request, call_sid: str, form: Form, decision: Decision) -> web.Response:
    """TwiML that rings a destination at once. If nothing comes of it the caller gets the bot, which knows why."""
    calls, settings = request.app[CALLS], decision.settings
    set_of_call(request, settings)
    parties = Parties(form.get("From", ""), form.get("To", ""))
    past = Past(time.time(), parties=parties, profile=settings.profile, changes=settings.changes)
    calls.past_calls.put(call_sid, past)
    calls.registry.end(call_sid, "transferring", asks=True)
    calls.transfers.begin(call_sid, past.leg, decision.transfer, NO_SUMMARY)
    transfer = Transfer(past.leg, 1, decision.transfer, NO_SUMMARY)
    return ring(request, call_sid, form, transfer) or await could_not_ring(request, call_sid, form, transfer)


def _refused(request: web.Request, call_sid: str, decision: Decision) -> web.Response:
    """TwiML for a call that the operator's server does not want to be taken."""
    set_of_call(request, decision.settings)
    request.app[METER].webhook_refused("lookup")
    _log.warning("call_refused", call_sid=call_sid, why="lookup")
    if decision.refuse == "say":
        return twiml(request, "refused", sentence=decision.say)
    return twiml(request, decision.refuse)
