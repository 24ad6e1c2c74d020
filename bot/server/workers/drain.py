"""Leaving without dropping a call: not ready, but listening until the last call and what follows it are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

import structlog

from bot.server.directory.departure import ASK_S, LEAVE_S, Phase
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app_keys import Listener
from bot.server.shared.call_registry import CallRegistry

LOOK_S = 0.1
PAUSES_S = 6.0
"""Seconds for which pauses of conversations are waited for, at most half the time there is."""

_log = structlog.get_logger()


async def drain(calls: LiveCalls, listener: Listener, limit_s: float, force: asyncio.Event) -> None:
    """Let live calls run for up to `limit_s`, or until `force`; end what is left; wait for what Twilio asks then.

    Of that time the last seconds are for pauses: a call that is in one is ended, for another process to carry it on.
    """
    departure = calls.departure
    departure.phase = Phase.DRAINING
    calls.registry.processes.announce(accepting=False)
    _log.info("draining", calls=len(calls.directory), seconds=limit_s)
    pauses_s = min(PAUSES_S, limit_s / 2)
    await _within(limit_s - pauses_s, _until_not_needed(calls, listener), force)
    departure.phase = Phase.LEAVING
    await _within(pauses_s, _in_pauses(calls, listener), force)
    await departure.close()
    await _within(LEAVE_S, _until_answered(calls), force)
    _log.info("drained")


async def _until_not_needed(calls: LiveCalls, listener: Listener) -> None:
    """Wait until the calls here are over.

    The port is left to another process that takes calls, when there is one. When there is none, as when all of them
    are stopped together, each stays until the last call of any is over: its /voice/next may arrive here, as may the
    word of what came of a transfer.
    """
    while True:
        others = calls.registry.processes.others_accept()
        if others:
            await listener.leave()
        if not len(calls.directory) and (others or not _goes_on_elsewhere(calls.registry)):
            return
        await asyncio.sleep(LOOK_S)


def _goes_on_elsewhere(registry: CallRegistry) -> bool:
    return bool(registry.counts().live or registry.transfers.ringing())


async def _in_pauses(calls: LiveCalls, listener: Listener) -> None:
    await calls.departure.hand_over()
    await _until_not_needed(calls, listener)


async def _until_answered(calls: LiveCalls) -> None:
    """Wait until Twilio has asked what follows the calls that were ended: here, or by others when nobody takes calls.

    A stream that was stopped may have been by a proxy that is stopped too, and the caller still be there.
    """
    while calls.departure.redirected.out or _asks_yet(calls.registry):  # noqa: ASYNC110  others set no event here
        await asyncio.sleep(LOOK_S)


def _asks_yet(registry: CallRegistry) -> bool:
    counts = registry.counts(ASK_S)
    return bool(counts.unasked or counts.stopped or (counts.live and not registry.processes.others_accept()))


async def _within(limit_s: float, work: Coroutine[None, None, None], force: asyncio.Event) -> None:
    """Do `work`, for up to `limit_s`, or until `force`."""
    tasks = [asyncio.create_task(work), asyncio.create_task(force.wait())]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
