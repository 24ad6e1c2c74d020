"""Where events of live calls come from: this process, and the store, which alone knows those of other instances."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

from bot.console.live.live_feed import FEED, Began, Ended, Listener
from bot.console.live.live_rows import ChangedRows, Rows, stored_row
from bot.console.live.neighbours import Events
from bot.console.softphone.told_to_browser import told
from bot.server.http.app_keys import CALLS, METER
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.results import CallSummary, Filters

TICK_S = 0.2
"""Seconds that news wait for more: nobody sees it."""
TICKS_A_LOOK = 10
"""Ticks between two looks at what has changed in a row without news."""
STORE_S = 1.0
"""Seconds that the calls of other instances are waited for."""
ELSEWHERE_S = 4.0
"""Seconds between two times that the store is asked for them: it knows of turns once they are over."""
MOST_ROWS = 500


async def own_events(app: web.Application) -> Events:
    """What this process tells: `rows` that have changed, `news` of a few moments at once, and `missed`."""
    rows, missed = ChangedRows(), 0
    directory = app[CALLS].directory
    with app[FEED].listening() as listener:
        yield "rows", rows.of(directory) or Rows(calls=[], all=[])
        ticks = 0
        while not await _tick(listener):
            ticks += 1
            news = listener.take()
            kinds = {type(one.what) for one in news}
            if Began in kinds and (changed := rows.of(directory)):
                yield "rows", changed
            if listener.missed > missed:
                missed = listener.missed
                yield "missed", missed
            shown = [{"sid": one.live.call_sid, **what} for one in news if (what := told(one)) is not None]
            if shown:
                yield "news", shown
            if (Ended in kinds or ticks % TICKS_A_LOOK == 0) and (changed := rows.of(directory)):
                yield "rows", changed


async def _tick(listener: Listener) -> bool:
    """Wait a moment. True once the server stops."""
    with suppress(TimeoutError):
        async with asyncio.timeout(TICK_S):
            await listener.closed()
    return listener.over


async def stored_events(app: web.Application) -> Events:
    """Rows of the calls of which the store alone knows that they go on: no process of this instance has them."""
    while True:
        elsewhere = [stored_row(call) for call in await open_calls(app) if _is_elsewhere(app, call.sid)]
        yield "rows", Rows(calls=elsewhere, all=[row["sid"] for row in elsewhere])
        await asyncio.sleep(ELSEWHERE_S)


def _is_elsewhere(app: web.Application, call_sid: str) -> bool:
    calls = app[CALLS]
    if calls.directory.find(call_sid) is not None:
        return False
    return calls.registry.known(call_sid).outcome is None and calls.registry.owner(call_sid) is None


async def open_calls(app: web.Application) -> list[CallSummary]:
    """Calls that go on, on whichever instance, as far as the store answers."""
    store = app[METER].write_behind
    if store is None:
        return []
    try:
        return await store.ask(lambda store: store.calls(Filters(reason="", limit=MOST_ROWS)), STORE_S)
    except StoreAway:
        return []
