"""POST /voice/next: the stream of a call is over, and Twilio asks what follows.

That is the end, a sentence, another stream that carries the call on, a person who is rung, or the fallback. A call is
carried on when its stream broke, its process died or was stopped, and the caller is still there.
"""

from __future__ import annotations

from aiohttp import web

from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app_keys import CALLS
from bot.server.http.put_through.briefing import call_person
from bot.server.http.put_through.dialled import could_not_ring
from bot.server.http.put_through.ring_destination import destination_of, ring
from bot.server.http.voice_webhooks.carry_on import NextStep, carried_on, holds, rings
from bot.server.http.voice_webhooks.fallback import fallback
from bot.server.http.webhook import (
    Form,
    call_is_over,
    connect_stream,
    next_url,
    play_digits,
    signed_form,
    small_number,
    twiml,
)
from bot.server.shared.outcomes import BOUNDS, FAILED, RESUMABLE


async def voice_next(request: web.Request) -> web.Response:
    """Answer with the TwiML of what follows."""
    call_sid, form = await signed_form(request)
    calls = request.app[CALLS]
    there, held, leg = (
        form.get("CallStatus") == "in-progress",
        small_number(request, "held"),
        small_number(request, "leg"),
    )
    if calls.registry.digits.find(call_sid) and calls.registry.known(call_sid).outcome is None:
        if there:
            return play_digits(request, call_sid, leg)
        calls.endings.caller_gone(call_sid)
    what = await what_follows(calls, call_sid, there=there, held=held, leg=leg)
    if what == "hold":
        calls.departure.redirected.send(call_sid)
        return twiml(request, "hold", voice_url=next_url(request, leg, held + 1))
    calls.departure.redirected.came(call_sid)
    if what == "go_on":
        return connect_stream(request, call_sid)
    if what == "stale":
        return call_is_over(request, call_sid)
    if what == "transfer":
        return await _transfer(request, call_sid, form)
    calls.registry.asked(call_sid)
    if what == "fallback":
        return fallback(request, call_sid, form) if there else twiml(request, "sorry")
    return twiml(request, "limit" if what == "limit" else "goodbye")


async def _transfer(request: web.Request, call_sid: str, form: Form) -> web.Response:
    transfer = await request.app[CALLS].transfers.find(call_sid)
    assert transfer is not None
    destination = destination_of(request, transfer.destination)
    if destination is not None and destination.mode == "briefing":
        return await call_person(request, call_sid, form, transfer, destination)
    return ring(request, call_sid, form, transfer) or await could_not_ring(request, call_sid, form, transfer)


async def what_follows(calls: LiveCalls, call_sid: str, *, there: bool, held: int, leg: int) -> NextStep:
    """Decide what Twilio shall do next. `go_on`: the call waits for its next stream. `there`: the caller has not hung
    up, and was redirected `held` times.

    `leg` is the stream that is over, the first being 0. `stale`: it was one of long ago, and another carries the call
    on, in this process or in another.
    """
    live = calls.directory.find(call_sid)
    if live is not None and live.past.leg > leg and live.bridge.attached and live.bridge.call.ended is None:
        return "stale"
    if there and live is not None and live.past.leg > 0 and live.awaits_stream:
        return "go_on"  # Twilio asks again, having got no answer
    reason = await calls.endings.outcome(call_sid)
    if reason in BOUNDS:
        return "limit"
    if reason in FAILED:
        return "fallback"
    if not there:
        if reason in {"stopped", "transferring"}:
            calls.endings.caller_gone(call_sid)
        return "fallback" if reason in RESUMABLE - {"stopped", "transferring"} else "hang_up"
    if reason == "transferring":
        return "transfer" if await rings(calls, call_sid, leg) else "stale"
    if reason not in RESUMABLE | {None}:
        return "hang_up"
    if holds(calls, held):
        return "hold"
    return await carried_on(calls, call_sid, reason, leg)
