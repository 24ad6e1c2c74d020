"""Live calls, as they are and as they go on: server-sent events, one stream for each page that is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web
from aiohttp_sse import sse_response

from bot.console.access import HEADERS, POLICY
from bot.console.live_feed import FEED, Began, Ended, Listener
from bot.console.softphone.told_to_browser import told
from bot.server.bookkeeping.call_records import masked_party
from bot.server.calls.bridge import Bridge
from bot.server.calls.live_call import LiveCall
from bot.server.http.app_keys import CALLS, METER
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.results import CallSummary, Filters

ROWS_S = 2.0
"""Seconds between two times that all rows are told: between them what is new is."""
STORE_S = 1.0
"""Seconds that the rows of other processes are waited for."""
MOST_ROWS = 500
READ_S = 30.0
"""Seconds that a page may take to read what was sent before."""

_encode = msgspec.json.Encoder().encode


async def live(request: web.Request) -> web.StreamResponse:
    """GET /console/live: events `rows` (all live calls), `news` (what is new of some) and `missed` (news lost).

    A page that reads nothing for READ_S is let go of, by the library.
    """
    headers = {"Content-Security-Policy": POLICY, **HEADERS}
    async with sse_response(request, headers=headers, send_timeout=READ_S) as response:
        with request.app[FEED].listening() as listener, suppress(ConnectionError, TimeoutError):
            async for event, text in _events(request, listener):
                await response.send(text, event=event)
    return response


async def _events(request: web.Request, listener: Listener) -> AsyncIterator[tuple[str, str]]:
    """All rows now and then; between, what is new of a call, as it comes."""
    news, missed = listener.news(), 0
    coming = asyncio.ensure_future(anext(news))
    try:
        yield "rows", request.app[ROWS].at_once(request)
        while True:
            yield "rows", await request.app[ROWS].text(request)
            if listener.missed > missed:
                missed = listener.missed
                yield "missed", str(missed)
            until_s = asyncio.get_running_loop().time() + ROWS_S
            while (left_s := until_s - asyncio.get_running_loop().time()) > 0:
                if not (await asyncio.wait([coming], timeout=left_s))[0]:
                    break
                if listener.over:
                    return
                new = coming.result()
                coming = asyncio.ensure_future(anext(news))
                shown = [(one.live.call_sid, what) for one in new if (what := told(one)) is not None]
                if shown:
                    yield "news", _encode([{"sid": sid, **what} for sid, what in shown]).decode()
                if any(isinstance(one.what, Began | Ended) for one in new):
                    break
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            await coming
        await news.aclose()  # type: ignore[attr-defined]  # a generator is one


class SharedRows:
    """The rows as JSON, made once for all pages: again after a while, and when a call has begun or ended."""

    def __init__(self) -> None:
        self._text = ""
        self._changes = -1
        self._until_s = 0.0
        self._making = asyncio.Lock()

    def at_once(self, request: web.Request) -> str:
        """All that is known without asking anybody: what was told last, else the calls of this process."""
        if self._text and asyncio.get_running_loop().time() < self._until_s:
            return self._text
        return _told(own_rows(request))

    async def text(self, request: web.Request) -> str:
        now_s = asyncio.get_running_loop().time
        async with self._making:
            changes = request.app[FEED].changes
            if changes != self._changes or now_s() >= self._until_s:
                self._text = _told(await rows(request))
                self._changes, self._until_s = changes, now_s() + ROWS_S / 2
        return self._text


def _told(calls: list[dict[str, Any]]) -> str:
    return _encode({"calls": calls[:MOST_ROWS]}).decode()


ROWS: web.AppKey[SharedRows] = web.AppKey("shared_rows", SharedRows)


async def rows(request: web.Request) -> list[dict[str, Any]]:
    """The live calls of this process, and those of others that the store knows of, the newest first."""
    elsewhere = [_stored_row(call) for call in await _open_calls(request)]
    here = own_rows(request)
    known, registry = {row["sid"] for row in here}, request.app[CALLS].registry
    others = [row for row in elsewhere if row["sid"] not in known and registry.known(row["sid"]).outcome is None]
    return [*here, *others]


def own_rows(request: web.Request) -> list[dict[str, Any]]:
    """The live calls of this process, the newest first."""
    return [_row(live) for live in request.app[CALLS].directory][::-1]


def _row(live: LiveCall) -> dict[str, Any]:
    bridge, call = live.bridge, live.bridge.call
    turns = call.transcript.turns
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
        "state": "in another process",
        "turns": call.turns,
        "interruptions": call.interruptions,
        "usd": call.nano_usd / 1e9,
        "last": None,
        "outgoing": call.outbound,
        "answeredBy": call.answered_by,
        "profile": call.profile,
    }


async def _open_calls(request: web.Request) -> list[CallSummary]:
    store = request.app[METER].write_behind
    if store is None:
        return []
    try:
        return await store.ask(lambda store: store.calls(Filters(reason="", limit=MOST_ROWS)), STORE_S)
    except StoreAway:
        return []
