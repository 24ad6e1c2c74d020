"""Whisper: the person who was rung has picked up, is told what it is about, and takes the call by a key.

Whoever presses none is not connected: a voicemail, a person who only listens, a machine that screens calls.
"""

from __future__ import annotations

import structlog
from aiohttp import web

from bot.server.http.app_keys import CALLS
from bot.server.http.put_through.ring_destination import key_url, of_person
from bot.server.http.webhook import twiml

TAKES = "1"
"""The key that takes the call, as twiml/whisper.xml says."""

_log = structlog.get_logger()


async def whisper(request: web.Request) -> web.Response:
    """POST /voice/whisper/CALL: what the person hears before they are connected, and the caller does not."""
    call_sid, transfer, *_ = await of_person(request)
    if transfer is None:
        return twiml(request, "goodbye")
    request.app[CALLS].transfers.picked_up(call_sid, transfer.leg)
    return twiml(request, "whisper", summary=transfer.summary, key_url=key_url(request, call_sid, transfer.leg))


async def key_pressed(request: web.Request) -> web.Response:
    """POST /voice/whisper/CALL/key: they take the call, or they don't. It is stored before Twilio connects them."""
    call_sid, transfer, _, form = await of_person(request)
    if transfer is None:
        return twiml(request, "goodbye")
    takes = form.get("Digits") == TAKES
    _log.info("transfer_taken" if takes else "transfer_declined", call_sid=call_sid, destination=transfer.destination)
    if not takes:
        return twiml(request, "goodbye")
    request.app[CALLS].transfers.taken(call_sid, transfer.leg)
    return twiml(request, "taken")
