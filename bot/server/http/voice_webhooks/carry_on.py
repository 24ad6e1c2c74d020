"""A call that goes on after its stream: found here, among the processes of this instance, or in the store."""

from __future__ import annotations

from typing import Literal

import structlog

from bot.server.directory.departure import HOLDS
from bot.server.directory.live_calls import LiveCalls
from bot.server.shared.outcomes import BOUNDS, FAILED, RESUMABLE, Outcome
from bot.server.shared.resumption import Past
from bot.store.rows import CRASHED

NextStep = Literal["hang_up", "limit", "fallback", "hold", "go_on", "stale", "transfer"]

_log = structlog.get_logger()


def holds(calls: LiveCalls, held: int) -> bool:
    """True if the call is redirected, for a process to carry it on that stays."""
    departure = calls.departure
    return held < HOLDS and departure.draining and (departure.ending or calls.registry.processes.others_accept())


async def carried_on(calls: LiveCalls, call_sid: str, reason: Outcome | None, leg: int, told: str = "") -> NextStep:
    """Carry the call on after stream `leg`, if that can be. `told` is for the model: why the caller is back."""
    ended, past = await _end(calls, call_sid, reason)
    if reason is None and past is not None and past.leg > leg and calls.registry.known(call_sid).claimed:
        return "stale"
    if ended == "transferred" and not told and await rings(calls, call_sid, leg):
        return "transfer"
    if ended not in RESUMABLE | {None, "", CRASHED} and not told:  # in another instance
        return "limit" if ended in BOUNDS else "fallback" if ended in FAILED else "hang_up"
    if past is None or past.hopeless or calls.departure.ending:
        why = "unknown" if past is None else "draining" if calls.departure.ending else "too_often"
        _log.warning("call_not_resumed", call_sid=call_sid, why=why)
        return "fallback"
    live = calls.starter.resume(call_sid, past._replace(told=told or past.told, transfers=past.transfers + bool(told)))
    _log.info("call_resumed", call_sid=call_sid, leg=live.past.leg, turns=len(live.past.turns))
    return "go_on"


async def rings(calls: LiveCalls, call_sid: str, leg: int) -> bool:
    """True if stream `leg` ended for a transfer of which nothing came yet."""
    transfer = await calls.transfers.find(call_sid)
    return transfer is not None and transfer.leg == leg and not transfer.result


async def _end(calls: LiveCalls, call_sid: str, reason: Outcome | None) -> tuple[str | None, Past | None]:
    """End and past of a call as known here, else as the store knows them; None for what nobody knows."""
    past = calls.past_calls.find(call_sid)
    if past is not None and reason is not None:
        return reason, past
    stored = None if calls.store_lookup is None else await calls.store_lookup.find(call_sid)
    return (reason, None) if stored is None else (reason or stored.reason, stored.past)
