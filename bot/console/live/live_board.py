"""What all pages that are open are told of live calls: put together once, written once, and read by each of them.

Nothing is done while no page is open. A page that comes is told all calls; from then on what changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from bot.console.live.live_rows import Row, Rows
from bot.console.live.live_sources import MOST_ROWS, own_events, stored_events
from bot.console.live.mailbox import Mailbox
from bot.console.live.neighbours import Events, Neighbours, heard

OWN, STORE, LOOKING = "", "store", "looking"
"""Jobs beside those that hear the neighbours: they hear this process and the store, and look who else is there."""
LOOK_S = 2.0
"""Seconds between two looks for processes that have been started meanwhile, and for pages that have gone."""
PING = b":\n\n"
"""Nothing, for a page: one that has gone is found by it."""
MOST_WAITING = 256
"""Messages that wait for a page: one that reads none for longer is told anew how all is, and what it missed."""
SAID = frozenset({"caption", "turn"})

_encode = msgspec.json.Encoder().encode


def written(event: str, data: object) -> bytes:
    """A server-sent event: JSON is on one line, and needs no more than this."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), _encode(data))


class Page(Mailbox[bytes]):
    """A page that is open, and the messages that it has yet to be sent. `missed` is how many it never is."""

    missed = 0

    @property
    def behind(self) -> bool:
        return len(self._waiting) >= MOST_WAITING

    def begin_anew(self) -> None:
        """Lose what waits."""
        self.missed += len(self.take())


@dataclass(eq=False)
class _Call:
    """A call as it was told last; `row` has the words that were said last. It began at `began_s` of the loop's time."""

    row: Row
    began_s: float

    def told(self, now_s: float) -> Row:
        return {**self.row, "seconds": round(now_s - self.began_s, 1)}

    def is_still(self, row: Row) -> bool:
        return {**self.row, **row, "seconds": 0, "last": None} == {**self.row, "seconds": 0, "last": None}


class LiveBoard:
    """Give it the application and the neighbours; `page()` is a Page for as long as its context lasts."""

    def __init__(self, app: web.Application, neighbours: Neighbours) -> None:
        self._app = app
        self._neighbours = neighbours
        self._pages: set[Page] = set()
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._clear()

    def _clear(self) -> None:
        self._begun = False
        self._known: dict[str, dict[str, _Call]] = {}
        self._shown: dict[str, _Call] = {}
        self._missed: dict[str, int] = {}

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """A page is open: the board begins with the first of them, and ends with the last."""
        page = Page()
        if self._begun:
            page.put(self._all())
        self._pages.add(page)
        if OWN not in self._jobs:
            self._hear(OWN, own_events(self._app))
        if LOOKING not in self._jobs:
            self._begin(LOOKING, self._look())
        try:
            yield page
        finally:
            self._pages.discard(page)
            if not self._pages:
                await self._end()

    async def _end(self) -> None:
        jobs, self._jobs = self._jobs, {}
        self._clear()
        for job in jobs.values():
            job.cancel()
        await asyncio.gather(*jobs.values(), return_exceptions=True)

    # ---- what is heard ----

    def _begin(self, name: str, job: Coroutine[Any, Any, None]) -> None:
        self._jobs[name] = asyncio.create_task(job, name="page")

    def _hear(self, source: str, events: Events) -> None:
        self._begin(source, self._heard(source, events))

    async def _heard(self, source: str, events: Events) -> None:
        job = asyncio.current_task()
        try:
            async for event, data in events:
                self._take(source, event, data)
        finally:
            await events.aclose()  # type: ignore[attr-defined]  # a generator is one
            if self._jobs.get(source) is job:
                self._gone(source)

    async def _look(self) -> None:
        while True:
            if STORE not in self._jobs:
                self._hear(STORE, stored_events(self._app))
            with suppress(OSError):  # of the directory, or too many files are open: looked at again
                self._hear_neighbours()
            await asyncio.sleep(LOOK_S)
            self._tell(PING)

    def _hear_neighbours(self) -> None:
        for path in self._neighbours.others():
            if str(path) not in self._jobs:
                self._hear(str(path), heard(path))

    def _gone(self, source: str) -> None:
        """The process is gone, and looked for again: it may only be being started. Ours ends with its pages."""
        del self._jobs[source]
        known = self._known.pop(source, None)
        if source == OWN:
            for page in self._pages:
                page.close()
        elif known:
            self._show()

    # ---- what is told ----

    def _take(self, source: str, event: str, data: Any) -> None:
        if event == "rows":
            self._rows(source, data)
        elif event == "missed":
            self._missed[source] = data
            for page in self._pages:
                page.put(self._all_missed(page))
        else:
            self._keep_words(data)
            self._tell(written(event, data))

    def _rows(self, source: str, rows: Rows) -> None:
        known, now_s = self._known.setdefault(source, {}), asyncio.get_running_loop().time()
        for row in rows["calls"]:
            before = known.get(row["sid"])
            if before is None or not before.is_still(row):
                known[row["sid"]] = _Call({**(before.row if before else {}), **row}, now_s - row["seconds"])
        for sid in known.keys() - set(rows["all"]):
            del known[sid]
            self._known.get(STORE, {}).pop(sid, None)  # which learns of it later
        self._show()

    def _show(self) -> None:
        """Tell what is shown otherwise than before."""
        before, self._shown = self._shown, self._to_show()
        changed = {sid: call for sid, call in self._shown.items() if before.get(sid) is not call}
        if changed or before.keys() != self._shown.keys() or not self._begun:
            self._begun = True
            self._tell(self._written_rows(changed))

    def _to_show(self) -> dict[str, _Call]:
        """The newest, as those have told them who have them; the store is asked for all others."""
        calls = dict(self._known.get(STORE, {}))
        for source, known in self._known.items():
            if source != STORE:
                calls |= known
        return dict(sorted(calls.items(), key=lambda one: -one[1].began_s)[:MOST_ROWS])

    def _keep_words(self, news: list[dict[str, Any]]) -> None:
        """A page that comes later is told what was said last, unless it came to nothing: a caption without a text."""
        for what in news:
            call = self._shown.get(what["sid"])
            if call is None or what["type"] not in SAID:
                continue
            words: dict[str, Any] = {name: what[name] for name in ("who", "item", "text", "number") if name in what}
            if what["text"]:
                call.row["last"] = words
            elif _same_turn(call.row.get("last"), words):
                call.row["last"] = None

    def _tell(self, message: bytes) -> None:
        for page in self._pages:
            if page.behind:
                page.begin_anew()
                page.put(self._all())
                page.put(self._all_missed(page))
            else:
                page.put(message)

    def _all(self) -> bytes:
        return self._written_rows(self._shown)

    def _all_missed(self, page: Page) -> bytes:
        return written("missed", page.missed + sum(self._missed.values()))

    def _written_rows(self, calls: dict[str, _Call]) -> bytes:
        now_s = asyncio.get_running_loop().time()
        return written("rows", Rows(calls=[call.told(now_s) for call in calls.values()], all=[*self._shown]))


def _same_turn(last: dict[str, Any] | None, words: dict[str, Any]) -> bool:
    return last is not None and all(last.get(name) == words.get(name) for name in ("who", "item"))


BOARD: web.AppKey[LiveBoard] = web.AppKey("live_board", LiveBoard)
NEIGHBOURS: web.AppKey[Neighbours] = web.AppKey("neighbours", Neighbours)
