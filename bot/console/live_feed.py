"""News of live calls, for pages that show it as it happens.

A listener that is slow loses its oldest news rather than memory, and is told so; a call never waits for one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from aiohttp import web

from bot.call.facts import Fact
from bot.call.outputs import EndReason, Report
from bot.server.calls.live_call import LiveCall
from bot.server.directory.call_directory import CallDirectory

MOST_NEWS = 1_000
"""News kept for a listener."""


class Began(NamedTuple):
    """A call has begun."""


class Ended(NamedTuple):
    """A call is over here; `reason` None: it goes on in another process."""

    reason: EndReason | None


class News(NamedTuple):
    """Something of a call, `at_us` after its origin."""

    live: LiveCall
    at_us: int
    what: Began | Ended | Fact | Report


@dataclass(eq=False)
class Listener:
    """One who listens. `missed` is how many news it has lost."""

    missed: int = 0
    over: bool = False
    """True once the server stops."""
    _news: deque[News] = field(default_factory=deque)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, news: News) -> None:
        if len(self._news) == MOST_NEWS:
            self._news.popleft()
            self.missed += 1
        self._news.append(news)
        self._some.set()

    async def news(self) -> AsyncIterator[News]:
        """News as they come, until the server stops."""
        while not self.over:
            while self._news:
                yield self._news.popleft()
            self._some.clear()
            if not self.over:
                await self._some.wait()

    def close(self) -> None:
        """Let it go: what it has not read yet, it may."""
        self.over = True
        self._some.set()


class LiveFeed:
    """Give it the directory of live calls; `listening()` gives a Listener for as long as its context lasts."""

    def __init__(self, directory: CallDirectory) -> None:
        self._listeners: set[Listener] = set()
        self.changes = 0
        """Grows when a call begins or ends here."""
        directory.on_start.append(self._begin)
        directory.on_end.append(self._end)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def close(self, _: web.Application) -> None:
        """The server stops: a page that listens shall not hold it up."""
        for listener in self._listeners:
            listener.close()

    def _begin(self, live: LiveCall) -> None:
        self.changes += 1
        live.bridge.on_told.append(partial(self._told, live))
        self._tell(News(live, 0, Began()))

    def _told(self, live: LiveCall, what: Fact | Report, now_us: int) -> None:
        self._tell(News(live, now_us, what))

    def _end(self, live: LiveCall, reason: EndReason | None) -> None:
        self.changes += 1
        self._tell(News(live, round(live.bridge.age_s * 1_000_000), Ended(reason)))

    def _tell(self, news: News) -> None:
        for listener in self._listeners:
            listener.tell(news)


FEED: web.AppKey[LiveFeed] = web.AppKey("live_feed", LiveFeed)
