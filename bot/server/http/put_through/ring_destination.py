"""Ringing of a destination: what Twilio is told once the bot's stream has ended for a transfer."""

from __future__ import annotations

from urllib.parse import urlencode

import structlog
from aiohttp import web

from bot.config.destinations.destination import Destination
from bot.config.values.caller_lists import e164
from bot.server.http.app_keys import CALLS, of_call
from bot.server.http.webhook import CALL_SID, Form, callback_url, signed_form, small_number, twiml
from bot.server.shared.transfers import Transfer

_log = structlog.get_logger()


def destination_of(request: web.Request, name: str) -> Destination | None:
    """The destination of the operator's that is called so."""
    return next((one for one in of_call(request).destinations if one.name == name), None)


def ring(request: web.Request, call_sid: str, form: Form, transfer: Transfer) -> web.Response | None:
    """TwiML that rings the destination; None when that can't be, since it or a number to show is missing.

    They see the caller's own number. Where Twilio would not show it, they are rung again and see the one called.
    """
    destination = destination_of(request, transfer.destination)
    caller, called = e164(form.get("From", "")), e164(form.get("To", ""))
    shown = (caller or called) if transfer.tries == 1 else called
    if destination is None or not shown:
        return None
    request.app[CALLS].departure.redirected.send(call_sid)
    _log.info("transfer_rings", call_sid=call_sid, destination=destination.name, tries=transfer.tries)
    place = {"sip": destination.sip} if destination.sip else {"number": destination.number}
    return twiml(
        request,
        "ring_sip" if destination.sip else "ring",
        **place,
        caller_id=shown,
        ring_s=str(destination.ring_s),
        whisper_url=whisper_url(request, call_sid, transfer.leg),
        action_url=dialled_url(request, transfer.leg),
    )


def may_ring_again(form: Form, transfer: Transfer) -> bool:
    """The first try failed with the caller's own number, and there is another to show."""
    caller, called = e164(form.get("From", "")), e164(form.get("To", ""))
    failed = form.get("DialCallStatus") == "failed" and transfer.picked_up_s is None
    return failed and transfer.tries == 1 and bool(caller) and bool(called) and caller != called


def whisper_url(request: web.Request, call_sid: str, leg: int) -> str:
    """Address at which Twilio asks what the person who answers is told."""
    return callback_url(request, f"/voice/whisper/{call_sid}?leg={leg}")


def key_url(request: web.Request, call_sid: str, leg: int) -> str:
    """Address to which Twilio brings the key that they press."""
    return callback_url(request, f"/voice/whisper/{call_sid}/key?leg={leg}")


def dialled_url(request: web.Request, leg: int, held: int = 0) -> str:
    """Address at which Twilio asks what follows the transfer that ended stream `leg`."""
    query = urlencode({"leg": leg, **({"held": held} if held else {})})
    return callback_url(request, f"/voice/dialled?{query}")


async def of_person(request: web.Request) -> tuple[str, Transfer | None, str, Form]:
    """The caller's call and its transfer, None for one that is over or that nobody knows; SID and form of the request.

    For what Twilio asks about the person's leg, which is signed before anything of it is looked at.
    """
    child, form = await signed_form(request)
    call_sid = request.match_info["call_sid"]
    if not CALL_SID.fullmatch(call_sid):
        raise web.HTTPNotFound
    transfer = await request.app[CALLS].transfers.find(call_sid)
    over = transfer is None or transfer.leg != small_number(request, "leg") or bool(transfer.result)
    return call_sid, None if over else transfer, child, form
