"""POST /voice/next: the stream of a call is over, and Twilio asks what follows.

That is the end, a sentence, another stream that carries the call on, or the fallback. A call is carried on when its
stream broke, its process died or was stopped, and the caller is still there. It is found here, among the processes of
this instance, or in the store.
"""

from __future__ import annotations

from typing import Literal

import structlog
from aiohttp import web

from bot.server.directory.departure import HOLDS
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app_keys import CALLS
from bot.server.http.fallback import fallback
from bot.server.http.webhook import call_is_over, connect_stream, next_url, play_digits, signed_form, twiml
from bot.server.shared.outcomes import BOUNDS, FAILED, RESUMABLE, Outcome
from bot.server.shared.resumption import Past
from bot.store.rows import CRASHED

NextStep = Literal["hang_up", "limit", "fallback", "hold", "go_on", "stale"]

_log = structlog.get_logger()


async def voice_next(request: web.Request) -> web.Response:
    """Answer with the TwiML of what follows."""
    call_sid, form = await signed_form(request)
    calls = request.app[CALLS]
    there, held, leg = form.get("CallStatus") == "in-progress", _number(request, "held"), _number(request, "leg")
    if calls.registry.digits.find(call_sid):
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
    calls.registry.asked(call_sid)
    if what == "fallback":
        return fallback(request, call_sid, form) if there else twiml(request, "sorry")
    return twiml(request, "limit" if what == "limit" else "goodbye")


def _number(request: web.Request, name: str) -> int:
    """A small number in the query, which is signed with the rest of the URL."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0


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
        if reason == "stopped":
            calls.endings.caller_gone(call_sid)
        return "fallback" if reason in RESUMABLE - {"stopped"} else "hang_up"
    if reason not in RESUMABLE | {None}:
        return "hang_up"
    if _holds(calls, held):
        return "hold"
    return await _carry_on(calls, call_sid, reason, leg)


def _holds(calls: LiveCalls, held: int) -> bool:
    """True if the call is redirected, for a process to carry it on that stays."""
    departure = calls.departure
    return held < HOLDS and departure.draining and (departure.ending or calls.registry.processes.others_accept())


async def _carry_on(calls: LiveCalls, call_sid: str, reason: Outcome | None, leg: int) -> NextStep:
    ended, past = await _end(calls, call_sid, reason)
    if reason is None and past is not None and past.leg > leg and calls.registry.known(call_sid).claimed:
        return "stale"
    if ended not in RESUMABLE | {None, "", CRASHED}:  # in another instance
        return "limit" if ended in BOUNDS else "fallback" if ended in FAILED else "hang_up"
    if past is None or past.hopeless or calls.departure.ending:
        why = "unknown" if past is None else "draining" if calls.departure.ending else "too_often"
        _log.warning("call_not_resumed", call_sid=call_sid, why=why)
        return "fallback"
    live = calls.starter.resume(call_sid, past)
    _log.info("call_resumed", call_sid=call_sid, leg=live.past.leg, turns=len(live.past.turns))
    return "go_on"


async def _end(calls: LiveCalls, call_sid: str, reason: Outcome | None) -> tuple[str | None, Past | None]:
    """End and past of a call as known here, else as the store knows them; None for what nobody knows."""
    past = calls.past_calls.find(call_sid)
    if past is not None and reason is not None:
        return reason, past
    stored = None if calls.store_lookup is None else await calls.store_lookup.find(call_sid)
    return (reason, None) if stored is None else (reason or stored.reason, stored.past)
