"""What follows a stream that is over: the end, a sentence, another stream that carries the call on, or other help.

A call is carried on when its stream broke, its process died or was stopped, and the caller is still there. It is found
here, among the processes of this instance, or in the store.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import structlog

from bot.server.directory.live_calls import LiveCalls
from bot.server.directory.redirected_calls import HOLDS
from bot.server.shared.outcomes import BOUNDS, FAILED, RESUMABLE, Outcome
from bot.server.shared.resumption import Past
from bot.store.rows import CRASHED

What = Literal["hang_up", "limit", "fallback", "hold", "go_on", "stale"]

_log = structlog.get_logger()


class _End(NamedTuple):
    """How a call ended: `reason` None when nobody knows of an end. `past` None: not known either."""

    reason: str | None
    past: Past | None


async def what_follows(calls: LiveCalls, call_sid: str, *, there: bool, held: int, leg: int) -> What:
    """What Twilio shall do next. `go_on`: the call waits for its next stream. `there`: the caller has not hung up.

    `leg` is the stream that is over, the first being 0. `stale`: it was one of long ago, and another carries the call
    on, in this process or in another.
    """
    live = calls.directory.find(call_sid)
    if live is not None and live.past.leg > leg and live.bridge.attached and live.bridge.call.ended is None:
        return "stale"
    if there and _waits(calls, call_sid):
        return "go_on"
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


def _waits(calls: LiveCalls, call_sid: str) -> bool:
    """Whether the call waits for the stream that carries it on already: Twilio asks again, having got no answer."""
    live = calls.directory.find(call_sid)
    return live is not None and live.past.leg > 0 and live.awaits_stream


async def _carry_on(calls: LiveCalls, call_sid: str, reason: Outcome | None, leg: int) -> What:
    end = await _end(calls, call_sid, reason)
    if reason is None and end.past is not None and end.past.leg > leg and calls.registry.known(call_sid).claimed:
        return "stale"
    if end.reason not in RESUMABLE | {None, "", CRASHED}:
        return _elsewhere(end.reason)
    if end.past is None or end.past.hopeless or calls.departure.ending:
        _log.warning("call_not_resumed", call_sid=call_sid, why=_why(calls, end.past))
        return "fallback"
    live = calls.starter.resume(call_sid, end.past)
    _log.info("call_resumed", call_sid=call_sid, leg=live.past.leg, turns=len(live.past.turns))
    return "go_on"


async def _end(calls: LiveCalls, call_sid: str, reason: Outcome | None) -> _End:
    """What is known here, else what the store knows."""
    past = calls.pasts.find(call_sid)
    if past is not None and reason is not None:
        return _End(reason, past)
    stored = None if calls.shelf is None else await calls.shelf.find(call_sid)
    return _End(reason, None) if stored is None else _End(reason or stored.reason, stored.past)


def _elsewhere(reason: str | None) -> What:
    """What follows a call that ended in another instance."""
    if reason in BOUNDS:
        return "limit"
    return "fallback" if reason in FAILED else "hang_up"


def _holds(calls: LiveCalls, held: int) -> bool:
    """Whether the call is sent round again, for a process to carry it on that stays."""
    return (
        held < HOLDS
        and calls.departure.draining
        and (calls.departure.ending or calls.registry.presence.others_accept())
    )


def _why(calls: LiveCalls, past: Past | None) -> str:
    if past is None:
        return "unknown"
    return "draining" if calls.departure.ending else "too_often"
