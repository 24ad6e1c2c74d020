"""POST /voice/dialled: a person was rung, and the connection is over or never came about.

The caller has talked to them, is gone, or is back with the bot, each once, however often Twilio asks.
"""

from __future__ import annotations

import structlog
from aiohttp import web

from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app_keys import CALLS, TWILIO_REST
from bot.server.http.put_through.ring_destination import dialled_url, may_ring_again, ring
from bot.server.http.put_through.verdict import Result, told, verdict
from bot.server.http.voice_webhooks import fallback
from bot.server.http.voice_webhooks.carry_on import carried_on, holds
from bot.server.http.webhook import Form, call_is_over, connect_stream, signed_form, small_number, twiml
from bot.server.shared.transfers import CONNECTED, GONE, Transfer
from bot.twilio.rest import RestError

_log = structlog.get_logger()


async def dialled(request: web.Request) -> web.Response:
    """Judge what came of a transfer of the bot's; without a stream in its address it was BOT_FALLBACK's."""
    if "leg" not in request.query:
        return await fallback.dialled(request)
    call_sid, form = await signed_form(request)
    calls, leg = request.app[CALLS], small_number(request, "leg")
    calls.departure.redirected.came(call_sid)
    bridged = form.get("DialBridged", "").lower() == "true"
    transfer = await (calls.transfers.find_taken if bridged else calls.transfers.find)(call_sid)
    if transfer is None or transfer.leg != leg:
        return call_is_over(request, call_sid)
    if not transfer.result and may_ring_again(form, transfer) and calls.transfers.again(call_sid, leg):
        rings = ring(request, call_sid, form, transfer._replace(tries=2))
        if rings is not None:
            return rings
    told_before = transfer.result if transfer.result != GONE else ""
    result = told_before or verdict(transfer, form, calls.transfers.now_s)
    if conclude(calls, call_sid, transfer, result, form) and transfer.child:
        await hang_up_on_person(request, transfer.child)
    if result in {CONNECTED, GONE} or form.get("CallStatus") != "in-progress":
        return twiml(request, "goodbye")
    return await came_back(request, call_sid, form, transfer._replace(result=result))


async def hang_up_on_person(request: web.Request, child: str) -> None:
    """End the bot's own call to a person: the caller is gone or talks to them no more, or a machine has answered."""
    try:
        await request.app[TWILIO_REST].hang_up(child)
    except RestError as error:
        _log.warning("hang_up_by_rest_failed", call_sid=child, why=str(error))


def conclude(calls: LiveCalls, call_sid: str, transfer: Transfer, result: Result | str, form: Form) -> bool:
    """Enter the result, once: for all processes, into the log and into the record. True for the first time."""
    if not calls.transfers.over(call_sid, transfer.leg, result):
        return False
    connected = result == CONNECTED
    details = {
        "destination": transfer.destination,
        "result": result,
        "status": form.get("DialCallStatus", "")[: fallback.MAX_DETAIL],
        "seconds": fallback.seconds(form, "DialCallDuration"),
    }
    _log.info("call_transferred" if connected else "transfer_failed", call_sid=call_sid, **details)
    if calls.store_lookup is not None:
        calls.store_lookup.note(call_sid, "dialled", {"leg": transfer.leg, **details})
    if connected or result == GONE:
        calls.registry.end(call_sid, "transferred" if connected else "caller_hung_up")
        calls.past_calls.drop(call_sid)
        if calls.store_lookup is not None:
            calls.store_lookup.transferred(call_sid, connected=connected)
    return True


async def caller_gone(request: web.Request, call_sid: str, form: Form) -> None:
    """Twilio says that the caller's call is over. If they were joined to the person, /voice/dialled says so."""
    calls = request.app[CALLS]
    transfer = await calls.transfers.find(call_sid)
    if transfer is None or transfer.result or not conclude(calls, call_sid, transfer, GONE, form):
        return
    if transfer.child:
        await hang_up_on_person(request, transfer.child)


async def caller_back(request: web.Request, call_sid: str, transfer: Transfer, result: str, form: Form) -> None:
    """Bring a caller back who waits in a conference: their call is led to /voice/dialled, once."""
    if not conclude(request.app[CALLS], call_sid, transfer, result, form):
        return
    try:
        await request.app[TWILIO_REST].update_call(call_sid, url=dialled_url(request, transfer.leg))
    except RestError as error:
        _log.warning("caller_not_brought_back", call_sid=call_sid, why=str(error))


async def could_not_ring(request: web.Request, call_sid: str, form: Form, transfer: Transfer) -> web.Response:
    """Nobody could be rung: the operator took the destination away meanwhile, or there is no number to show them."""
    calls = request.app[CALLS]
    conclude(calls, call_sid, transfer, "failed", form)
    return await came_back(request, call_sid, form, transfer._replace(result="failed"))


async def came_back(request: web.Request, call_sid: str, form: Form, transfer: Transfer) -> web.Response:
    """The caller is with the bot again, which knows why; they get the fallback where nothing can carry the call on."""
    calls, held = request.app[CALLS], small_number(request, "held")
    live, known = calls.directory.find(call_sid), calls.registry.known(call_sid)
    if live is not None and live.past.leg > transfer.leg and live.awaits_stream:
        return connect_stream(request, call_sid)  # Twilio asks again, having got no answer
    if known.outcome not in {None, "transferring"} or (known.outcome is None and known.claimed):
        return call_is_over(request, call_sid)  # or goes on already
    if holds(calls, held):
        calls.departure.redirected.send(call_sid)
        return twiml(request, "hold", voice_url=dialled_url(request, transfer.leg, held + 1))
    if await carried_on(calls, call_sid, "transferring", transfer.leg, told(transfer, transfer.result)) == "go_on":
        return connect_stream(request, call_sid)
    calls.registry.asked(call_sid)
    return fallback.fallback(request, call_sid, form)
