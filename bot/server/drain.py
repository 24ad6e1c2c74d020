"""Leaving without dropping a call: not ready, but listening until the last call and what follows it are answered."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from bot.server.live import LiveCalls

FOLLOW_UP_S = 3.0
"""Twilio asks /voice/next at once when a stream is over; it is waited for this long."""

_log = structlog.get_logger()


async def drain(calls: LiveCalls, limit_s: float, hurry: asyncio.Event) -> None:
    """Let live calls run for up to `limit_s`, or until `hurry`; end what is left; wait for what Twilio asks then."""
    calls.draining = True
    _log.info("draining", calls=len(calls), seconds=limit_s)
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await _first(calls.wait_empty(), hurry.wait())
    await calls.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(FOLLOW_UP_S):
            await _first(calls.wait_followed_up(), hurry.wait())
    _log.info("drained")


async def _first(*waits: object) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
