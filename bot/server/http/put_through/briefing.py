"""Briefing: the bot calls the person by itself and tells them what it is about, while the caller waits with music.

The person's leg is a call of ours like any other, whose bot may put them through to one place, the caller's conference,
or hang up. What becomes of it brings the caller back by the REST API, unless the two are joined.
"""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from aiohttp import web

from bot.config.destinations.destination import Destination
from bot.config.values.caller_lists import e164
from bot.server.http.app_keys import CALLS, TWILIO_REST, of_call
from bot.server.http.put_through.dialled import caller_back, could_not_ring, hang_up_on_person
from bot.server.http.put_through.ring_destination import destination_of, dialled_url, of_person
from bot.server.http.put_through.verdict import BY_STATUS
from bot.server.http.webhook import Form, callback_url, connect_stream, twiml
from bot.server.shared.transfers import Transfer
from bot.twilio.rest import CallInfo, RestError, TwilioRest

PLACE_S = 5.0
"""Seconds that Twilio may take to begin the call to the person: the caller hears nothing meanwhile."""
NOT_OURS = frozenset({21210, 21212})
"""Refusals of the number shown (twilio-voice 14): without the caller's it may go."""

_log = structlog.get_logger()


async def call_person(
    request: web.Request, call_sid: str, form: Form, transfer: Transfer, destination: Destination
) -> web.Response:
    """Call the person, once, and let the caller wait in a conference: never for a person whom nobody has called."""
    calls = request.app[CALLS]
    first = not transfer.child and calls.transfers.again(call_sid, transfer.leg)
    if first:
        try:
            async with asyncio.timeout(PLACE_S):
                placed = await _placed(request, call_sid, form, transfer.leg, destination)
        except (RestError, TimeoutError) as error:
            _log.warning("transfer_call_failed", call_sid=call_sid, why=str(error) or "Twilio did not answer in time")
            return await could_not_ring(request, call_sid, form, transfer)
        calls.transfers.placed(call_sid, transfer.leg, placed.sid)
        _log.info("transfer_rings", call_sid=call_sid, destination=destination.name, tries=1)
    elif not transfer.child:
        found = await calls.transfers.find_placed(call_sid, transfer.leg, PLACE_S)
        if found is None:
            why = "the process that was to call the person is gone"
            _log.warning("transfer_call_failed", call_sid=call_sid, why=why)
        if found is None or not found.child:
            return await could_not_ring(request, call_sid, form, transfer)
    calls.departure.redirected.send(call_sid)
    room = room_of(call_sid, transfer.leg)
    return twiml(request, "wait_for", room=room, action_url=dialled_url(request, transfer.leg))


async def _placed(request: web.Request, call_sid: str, form: Form, leg: int, destination: Destination) -> CallInfo:
    """The call to the person, which shows the caller's number where Twilio allows it, else ours."""
    caller, called, token = e164(form.get("From", "")), e164(form.get("To", "")), form.get("CallToken", "")
    rest: TwilioRest = request.app[TWILIO_REST]
    place = partial(
        rest.create_call,
        to=destination.sip or destination.number,
        url=briefing_url(request, call_sid, leg),
        timeout_s=destination.ring_s,
        status_callback=briefing_url(request, call_sid, leg, "/status"),
        machine_detection="Enable",
        async_amd=True,
        async_amd_callback=briefing_url(request, call_sid, leg, "/machine"),
    )
    if token and caller:
        try:
            return await place(from_=caller, call_token=token)
        except RestError as error:
            if error.code not in NOT_OURS:
                raise
    return await place(from_=called or caller)


def briefing_url(request: web.Request, call_sid: str, leg: int, more: str = "") -> str:
    return callback_url(request, f"/voice/briefing/{call_sid}{more}?leg={leg}")


def room_of(call_sid: str, leg: int) -> str:
    """The conference of one transfer."""
    return f"{call_sid}-{leg}"


# ---- the person's leg ----


async def briefing(request: web.Request) -> web.Response:
    """POST /voice/briefing/CALL: the person has answered. The bot talks to them on a stream of its own."""
    call_sid, transfer, child, _ = await of_person(request)
    destination = None if transfer is None else destination_of(request, transfer.destination)
    if transfer is None or destination is None:
        return twiml(request, "goodbye")
    calls = request.app[CALLS]
    calls.transfers.picked_up(call_sid, transfer.leg)
    if calls.directory.find(child) is None:
        calls.registry.enter(child, calls.settings.max_calls + 1)  # it has been promised
        calls.starter.brief(child, call_sid, transfer, of_call(request))
    return connect_stream(request, child, briefing_url(request, call_sid, transfer.leg, "/next"))


async def briefed(request: web.Request) -> web.Response:
    """POST /voice/briefing/CALL/next: the bot's talk with the person is over: they take the call, or they don't."""
    call_sid, transfer, child, form = await of_person(request)
    outcome = await request.app[CALLS].endings.outcome(child)
    if transfer is None:
        return twiml(request, "goodbye")
    if outcome == "transferring" and form.get("CallStatus") == "in-progress":
        request.app[CALLS].transfers.taken(call_sid, transfer.leg)
        _log.info("transfer_taken", call_sid=call_sid, destination=transfer.destination)
        return twiml(request, "join", room=room_of(call_sid, transfer.leg))
    await caller_back(request, call_sid, transfer, "not_taken", form)
    return twiml(request, "goodbye")


async def told_status(request: web.Request) -> web.Response:
    """POST /voice/briefing/CALL/status: the call to the person is over. Without the key taken the caller is back."""
    call_sid, transfer, _, form = await of_person(request)
    if transfer is not None and transfer.taken_s is None:
        by_status = "not_taken" if transfer.picked_up_s else BY_STATUS.get(form.get("CallStatus", ""), "failed")
        await caller_back(request, call_sid, transfer, by_status, form)
    return web.Response(status=204)


async def told_machine(request: web.Request) -> web.Response:
    """POST /voice/briefing/CALL/machine: who answered, as Twilio hears it. A machine is hung up on."""
    call_sid, transfer, child, form = await of_person(request)
    if transfer is not None and transfer.taken_s is None and form.get("AnsweredBy", "").startswith(("machine", "fax")):
        _log.info("transfer_declined", call_sid=call_sid, destination=transfer.destination)
        await hang_up_on_person(request, child)
        await caller_back(request, call_sid, transfer, "not_taken", form)
    return web.Response(status=204)
