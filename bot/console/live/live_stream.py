"""Live calls, as they are and as they go on: server-sent events, one stream for each page that is open.

Those of all processes of this instance are told alike, whichever the page is connected to; of those on other instances
as much as the store knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self

import msgspec
from aiohttp import web
from aiohttp_sse import sse_response

from bot.call.machines import OperatorStage
from bot.console.access import HEADERS, POLICY
from bot.console.live_feed import FEED, Began, Ended, Listener
from bot.console.operator.neighbours import Events, Neighbours, heard
from bot.console.softphone.told_to_browser import told
from bot.server.bookkeeping.call_records import masked_party
from bot.server.calls.bridge import Bridge
from bot.server.calls.live_call import LiveCall
from bot.server.http.app_keys import CALLS, LISTENER, METER
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.results import CallSummary, Filters

ROWS_S = 2.0
"""Seconds between two times that all rows are told: between them what is new is."""
STORE_S = 1.0
"""Seconds that the rows of other instances are waited for."""
MOST_ROWS = 500
READ_S = 30.0
"""Seconds that a page may take to read what was sent before."""

MOST_WAITING = 64
"""Events that wait for a page: while it reads none, news are lost, and none of the memory."""
OWN, OVER = "", "over"
"""Source of this process's own events; the event that ends those of a source."""

_encode = msgspec.json.Encoder().encode


async def live(request: web.Request) -> web.StreamResponse:
    """GET /console/live: events `rows` (all live calls), `news` (what is new of some) and `missed` (news lost).

    A page that reads nothing for READ_S is let go of, by the library.
    """
    headers = {"Content-Security-Policy": POLICY, **HEADERS}
    async with sse_response(request, headers=headers, send_timeout=READ_S) as response:
        with suppress(ConnectionError, TimeoutError):
            async with _Page(request.app) as page:
                async for event, data in page.events():
                    await response.send(_encode(data).decode(), event=event)
    return response


class _Page:
    """One page that is open: the events of this process and of its neighbours, one after the other."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._waiting: asyncio.Queue[tuple[str, str, Any]] = asyncio.Queue(MOST_WAITING)
        self._hearing: dict[str, asyncio.Task[None]] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._missed: dict[str, int] = {}
        self._shown = False

    async def __aenter__(self) -> Self:
        self._hear(OWN, own_events(self._app))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._hearing.values():
            task.cancel()
        await asyncio.gather(*self._hearing.values(), return_exceptions=True)

    def _hear(self, source: str, events: Events) -> None:
        self._hearing[source] = asyncio.create_task(self._pass_on(source, events), name="page")

    async def _pass_on(self, source: str, events: Events) -> None:
        try:
            async for event, data in events:
                await self._waiting.put((source, event, data))
        finally:
            await events.aclose()  # type: ignore[attr-defined]  # a generator is one
        await self._waiting.put((source, OVER, None))

    async def events(self) -> Events:
        """Events for the page, until the server stops."""
        while True:
            source, event, data = await self._waiting.get()
            if event == OVER and source == OWN:
                return
            if event == OVER:
                self._forget(source)
            elif event == "rows":
                self._rows[source] = data
                if source == OWN:
                    self._look_for_neighbours()
                if not self._shown:  # at once: nobody is asked before something is to be seen
                    self._shown = True
                    yield "rows", {"calls": self._all_rows(self._app[ROWS].told_elsewhere)}
                yield "rows", {"calls": self._all_rows(await self._app[ROWS].elsewhere())}
            elif event == "missed":
                self._missed[source] = data
                yield "missed", sum(self._missed.values())
            else:
                yield event, data

    def _look_for_neighbours(self) -> None:
        for path in self._app[NEIGHBOURS].others():
            if str(path) not in self._hearing:
                self._hear(str(path), heard(path))

    def _forget(self, source: str) -> None:
        """The process is gone; one that is only being started is looked for again."""
        del self._hearing[source]
        self._rows.pop(source, None)

    def _all_rows(self, elsewhere: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The live calls of this instance, and those of others, the newest first."""
        known = {row["sid"]: row for rows in self._rows.values() for row in rows}
        here = sorted(known.values(), key=lambda row: row["seconds"])
        return [*here, *(row for row in elsewhere if row["sid"] not in known)][:MOST_ROWS]


async def own_events(app: web.Application) -> Events:
    """What this process tells: all rows now and then; between, what is new of a call, as it comes."""
    with app[FEED].listening() as listener:
        async for event in _events(app, listener):
            yield event


async def _events(app: web.Application, listener: Listener) -> Events:
    news, missed = listener.news(), 0
    coming = asyncio.ensure_future(anext(news))
    try:
        while True:
            yield "rows", app[ROWS].here()
            if listener.missed > missed:
                missed = listener.missed
                yield "missed", missed
            until_s = asyncio.get_running_loop().time() + ROWS_S
            while (left_s := until_s - asyncio.get_running_loop().time()) > 0:
                if not (await asyncio.wait([coming], timeout=left_s))[0]:
                    break
                if listener.over:
                    return
                new = coming.result()
                coming = asyncio.ensure_future(anext(news))
                shown = [{"sid": one.live.call_sid, **what} for one in new if (what := told(one)) is not None]
                if shown:
                    yield "news", shown
                if any(isinstance(one.what, Began | Ended) for one in new):
                    break
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            await coming
        await news.aclose()  # type: ignore[attr-defined]  # a generator is one


class SharedRows:
    """The rows, made once for all pages: again after a while, and when a call has begun or ended."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._here: list[dict[str, Any]] = []
        self.told_elsewhere: list[dict[str, Any]] = []
        """The calls of other instances as they were known last."""
        self._changes = self._asked_changes = -1
        self._until_s = self._asked_until_s = 0.0
        self._asking = asyncio.Lock()

    def here(self) -> list[dict[str, Any]]:
        """The live calls of this process, the newest first."""
        changes, now_s = self._app[FEED].changes, asyncio.get_running_loop().time()
        if changes != self._changes or now_s >= self._until_s:
            self._here = [_row(live) for live in self._app[CALLS].directory][::-1]
            self._changes, self._until_s = changes, now_s + ROWS_S / 2
        return self._here

    async def elsewhere(self) -> list[dict[str, Any]]:
        """The calls of which the store alone knows that they go on: no process of this instance has them."""
        async with self._asking:
            changes, now_s = self._app[FEED].changes, asyncio.get_running_loop().time()
            if changes != self._asked_changes or now_s >= self._asked_until_s:
                found = [_stored_row(call) for call in await _open_calls(self._app)]
                self.told_elsewhere = [row for row in found if self._is_elsewhere(row["sid"])]
                self._asked_changes, self._asked_until_s = changes, asyncio.get_running_loop().time() + ROWS_S / 2
        return self.told_elsewhere

    def _is_elsewhere(self, call_sid: str) -> bool:
        registry = self._app[CALLS].registry
        return registry.known(call_sid).outcome is None and registry.owner(call_sid) is None


ROWS: web.AppKey[SharedRows] = web.AppKey("shared_rows", SharedRows)
NEIGHBOURS: web.AppKey[Neighbours] = web.AppKey("neighbours", Neighbours)


async def telling_neighbours(app: web.Application) -> AsyncIterator[None]:
    """The other processes of this instance are told of this one's calls meanwhile."""
    handover = app[LISTENER].handover
    if handover is not None:
        await app[NEIGHBOURS].open(handover.directory)
    yield
    await app[NEIGHBOURS].close()


def _row(live: LiveCall) -> dict[str, Any]:
    bridge, call = live.bridge, live.bridge.call
    turns = call.transcript.turns
    stage, by = call.operator
    return {
        "sid": live.call_sid,
        "here": True,
        "from": masked_party(live.parties.caller) or "withheld",
        "to": masked_party(live.parties.called),
        "seconds": round(live.offset_us / 1e6 + bridge.age_s, 1),
        "state": call.state.value,
        "turns": len(turns),
        "interruptions": call.counts["interruptions"],
        "usd": call.spent_nano_usd / 1e9,
        "last": _last_words(bridge),
        "operator": None if stage is OperatorStage.AWAY else {"by": by, "speaks": stage is OperatorStage.SPEAKING},
        "tools": call.running_tools,
        "destinations": call.settings.destinations,
        "outgoing": live.past.outgoing,
        "answeredBy": live.answered_by,
        "profile": live.settings.profile,
    }


def _last_words(bridge: Bridge) -> dict[str, Any] | None:
    """The words that were said last, as far as they have been heard: a caption while they are being said."""
    saying = bridge.captions()
    if saying:
        last = saying[-1]
        return {"who": last.who, "item": last.item_id, "text": last.text}
    turn = next((one for one in reversed(bridge.call.transcript.turns) if one.ended_us is not None), None)
    return (
        None
        if turn is None
        else {"who": turn.who, "item": turn.item_id, "number": turn.number, "text": turn.text or ""}
    )


def _stored_row(call: CallSummary) -> dict[str, Any]:
    return {
        "sid": call.sid,
        "here": False,
        "from": call.caller or "withheld",
        "to": call.called,
        "seconds": round((datetime.now(UTC) - call.started_at).total_seconds(), 1),
        "state": "on another instance",
        "turns": call.turns,
        "interruptions": call.interruptions,
        "usd": call.nano_usd / 1e9,
        "last": None,
        "outgoing": call.outbound,
        "answeredBy": call.answered_by,
        "profile": call.profile,
    }


async def _open_calls(app: web.Application) -> list[CallSummary]:
    store = app[METER].write_behind
    if store is None:
        return []
    try:
        return await store.ask(lambda store: store.calls(Filters(reason="", limit=MOST_ROWS)), STORE_S)
    except StoreAway:
        return []
