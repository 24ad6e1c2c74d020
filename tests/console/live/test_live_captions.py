"""Captions on their way to the pages: asked for while somebody watches, and told as they change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp

from bot.call.facts import TurnFact
from bot.call.outputs import Report
from bot.call.turn_log.captions import Caption
from bot.console.live.live_feed import MOST_BEFORE_CAPTIONS, LiveFeed, News
from bot.console.softphone.told_to_browser import told
from bot.server.directory.call_directory import CallDirectory
from bot.testing.agent import Reply, Spoken, pattern
from tests.console.operator.test_console import events, kept_console, live_call, the_next
from tests.console.test_access import console_of
from tests.server.simulated_server import QUICK, until

COUNTING = Reply([Spoken(pattern(30_000, "count"), "One two three four five six seven eight.")], pacing=QUICK)


class WatchedCall:
    """A live call as the feed knows it; `asked` counts how often its captions were asked for."""

    def __init__(self, call_sid: str = "CA1") -> None:
        self.call_sid, self.offset_us, self.asked, self.saying = call_sid, 0, 0, list[Caption]()
        self.bridge: Any = SimpleNamespace(on_told=[], age_s=2.0, captions=self._captions)

    def _captions(self) -> list[Caption]:
        self.asked += 1
        return self.saying


def a_feed(*calls: WatchedCall) -> LiveFeed:
    directory = CallDirectory()
    feed = LiveFeed(directory)
    for call in calls:
        directory.add(call)  # type: ignore[arg-type]
        directory.tell(directory.on_start, call)  # type: ignore[arg-type]
    return feed


def waiting(listener: Any) -> list[Any]:
    """News that a listener has yet to read, as a page is told them."""
    found = [told(news) for news in listener.take()]
    return [one for one in found if one is not None]


async def test_captions_are_told_as_they_change_and_not_again() -> None:
    call = WatchedCall()
    feed = a_feed(call)
    with feed.listening() as listener:
        for words in ("One", "One", "One two"):
            call.saying = [Caption("bot", "A", words, 1_500_000)]
            feed.look()
        feed.look()
        said = {"type": "caption", "who": "bot", "item": "A", "atMs": 1_500}
        assert waiting(listener) == [{**said, "text": "One"}, {**said, "text": "One two"}]


async def test_words_that_came_to_no_turn_are_taken_back() -> None:
    call = WatchedCall()
    feed = a_feed(call)
    with feed.listening() as listener:
        call.saying = [Caption("caller", "U", "Er", None)]
        feed.look()
        call.saying = []
        feed.look()
        assert [(one["text"], one["atMs"]) for one in waiting(listener)] == [("Er", 2_000), ("", 2_000)]


async def test_a_turn_that_was_told_is_not_taken_back() -> None:
    call = WatchedCall()
    feed = a_feed(call)
    with feed.listening() as listener:
        call.saying = [Caption("bot", "A", "One", 0)]
        feed.look()
        call.saying = []
        call.bridge.on_told[0](TurnFact(1, "bot", "A", "One", "two", cut=True), 2_000_000)
        feed.look()
        assert [one["type"] for one in waiting(listener)] == ["caption", "turn"]


async def test_nobody_watches_so_nothing_is_asked_and_the_browser_phone_asks_of_its_own_call_alone() -> None:
    call, other = WatchedCall(), WatchedCall("CA2")
    feed = a_feed(call, other)
    feed.look()
    assert (call.asked, other.asked) == (0, 0)
    with feed.listening("CA2") as phone:
        feed.look()
        assert (call.asked, other.asked) == (0, 1)
        call.bridge.on_told[0](Report("tool_done"), 1)
        assert waiting(phone) == []
    assert feed._next_look is None


async def test_who_comes_to_watch_later_is_told_what_is_being_said() -> None:
    call = WatchedCall()
    feed = a_feed(call)
    call.saying = [Caption("bot", "A", "One", 0)]
    for _ in range(2):
        with feed.listening() as listener:
            feed.look()
            assert [one["text"] for one in waiting(listener)] == ["One"]


async def test_a_page_that_reads_slowly_loses_captions_before_it_loses_news() -> None:
    call = WatchedCall()
    feed = a_feed(call)
    with feed.listening() as listener:
        for number in range(MOST_BEFORE_CAPTIONS + 50):
            call.saying = [Caption("bot", "A", f"word {number}", 0)]
            feed.look()
        call.bridge.on_told[0](Report("tool_done", {"tool": "late"}), 1)
        assert [one["type"] for one in waiting(listener)] == ["caption"] * MOST_BEFORE_CAPTIONS + ["tool"]
        assert listener.missed == 0


def test_the_times_of_a_call_that_was_carried_on_run_on() -> None:
    call = WatchedCall()
    call.offset_us = 60_000_000
    news = News(call, 5_000_000, Caption("bot", "A", "One", None))  # type: ignore[arg-type]
    assert (told(news) or {})["atMs"] == 65_000


async def test_the_operators_page_is_told_what_the_caller_has_heard_so_far(tmp_path: Path) -> None:
    whole = COUNTING.items[0].transcript  # type: ignore[union-attr]
    async with kept_console(tmp_path, COUNTING) as desk, desk.http.get(f"{desk.origin}/console/live") as answer:
        found = events(answer)
        async with live_call(desk) as phone:
            said = await the_next(found, lambda name, data: name == "news" and data["type"] == "caption")
            assert (said["sid"], said["who"]) == (phone.ids.call_sid, "bot")
            async with desk.http.get(f"{desk.origin}/console/live") as later:
                (row,) = (await the_next(events(later), lambda name, _: name == "rows"))["calls"]
            assert whole.startswith(said["text"])
            assert row["last"]["text"].startswith(said["text"])
            assert len(row["last"]["text"]) < len(whole)


async def test_what_many_callers_say_at_once_comes_to_the_page_at_once() -> None:
    calls = [WatchedCall(f"CA{number}") for number in range(50)]
    feed = a_feed(*calls)
    with feed.listening() as listener:
        for call in calls:
            call.saying = [Caption("bot", "A", "One", 0)]
        feed.look()
        assert len(await anext(listener.batches())) == 50


async def test_the_browser_phone_is_told_before_the_turn_is_over() -> None:
    async with console_of(COUNTING) as desk:
        socket = await desk.http.ws_connect(f"{desk.origin}/softphone/call")
        kinds: set[str] = set()
        reading = asyncio.ensure_future(_kinds(socket, kinds))
        await until(lambda: "caption" in kinds)
        assert "turn" not in kinds
        await socket.send_json({"hangUp": True})
        await until(lambda: "turn" in kinds)
        await reading


async def _kinds(socket: aiohttp.ClientWebSocketResponse, found: set[str]) -> None:
    """Gather the kinds of news that come."""
    async for one in socket:
        if one.type is aiohttp.WSMsgType.TEXT:
            found.add(one.json()["type"])
