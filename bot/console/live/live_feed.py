"""News of live calls, for pages that show it as it happens.

A listener that is slow loses its oldest news rather than memory, and is told so; a call never waits for one. Captions
are looked for while somebody listens, and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from aiohttp import web

from bot.call.facts import Fact, TurnFact
from bot.call.outputs import EndReason, Report
from bot.call.turn_log.captions import Caption
from bot.console.live.live_captions import LiveCaptions
from bot.console.live.mailbox import Mailbox
from bot.server.calls.live_call import LiveCall
from bot.server.directory.call_directory import CallDirectory

MOST_NEWS = 1_000
"""News kept for a listener."""
MOST_BEFORE_CAPTIONS = 600
"""News that may wait for a listener who still gets captions: what they say comes again, as a turn."""
CAPTIONS_S = 0.4
"""Seconds between two looks at the words that are being said: people say two or three a second."""


class Began(NamedTuple):
    """A call has begun."""


class Ended(NamedTuple):
    """A call is over here; `reason` None: it goes on in another process."""

    reason: EndReason | None


class News(NamedTuple):
    """Something of a call, `at_us` after its origin."""

    live: LiveCall
    at_us: int
    what: Began | Ended | Fact | Report | Caption


class Listener(Mailbox[News]):
    """One who listens, to all calls or to that of one SID. `missed` is how many news it has lost."""

    def __init__(self, call_sid: str = "") -> None:
        super().__init__()
        self.call_sid = call_sid
        self.missed = 0

    def wants(self, live: LiveCall) -> bool:
        return self.call_sid in {"", live.call_sid}

    def tell(self, news: News) -> None:
        if isinstance(news.what, Caption) and len(self._waiting) >= MOST_BEFORE_CAPTIONS:
            return
        if len(self._waiting) == MOST_NEWS:
            self._waiting.popleft()
            self.missed += 1
        self.put(news)


class LiveFeed:
    """Give it the directory of live calls; `listening()` gives a Listener for as long as its context lasts."""

    def __init__(self, directory: CallDirectory) -> None:
        self._directory = directory
        self._listeners: set[Listener] = set()
        self._captions = LiveCaptions()
        self._next_look: asyncio.TimerHandle | None = None
        directory.on_start.append(self._begin)
        directory.on_end.append(self._end)

    @contextmanager
    def listening(self, call_sid: str = "") -> Iterator[Listener]:
        """Listen to all calls, or to that of one SID."""
        listener = Listener(call_sid)
        self._listeners.add(listener)
        if self._next_look is None:
            self._look_later()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._next_look is not None:
                self._next_look.cancel()
                self._next_look = None
                self._captions.nobody_watches()

    async def close(self, _: web.Application) -> None:
        """The server stops: a page that listens shall not hold it up."""
        for listener in self._listeners:
            listener.close()

    def look(self) -> None:
        """Tell the words that are being said, as far as they are new."""
        for live in self._directory:
            if any(listener.wants(live) for listener in self._listeners):
                now_us = round(live.bridge.age_s * 1_000_000)
                for caption in self._captions.fresh(live):
                    self._tell(News(live, now_us, caption))

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(CAPTIONS_S, self._look_again)

    def _look_again(self) -> None:
        self._look_later()
        self.look()

    def _begin(self, live: LiveCall) -> None:
        live.bridge.on_told.append(partial(self._told, live))
        self._tell(News(live, 0, Began()))

    def _told(self, live: LiveCall, what: Fact | Report, now_us: int) -> None:
        if isinstance(what, TurnFact):
            self._captions.turn_told(live, what)
        self._tell(News(live, now_us, what))

    def _end(self, live: LiveCall, reason: EndReason | None) -> None:
        self._captions.over(live)
        self._tell(News(live, round(live.bridge.age_s * 1_000_000), Ended(reason)))

    def _tell(self, news: News) -> None:
        for listener in self._listeners:
            if listener.wants(news.live):
                listener.tell(news)


FEED: web.AppKey[LiveFeed] = web.AppKey("live_feed", LiveFeed)
