"""The board of live calls: all pages share one look and one writing, and each is told all that it needs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.console.live import live_board
from bot.console.live.live_board import MOST_WAITING, STORE, LiveBoard, Page, written
from bot.console.live.live_rows import ChangedRows
from bot.console.live.neighbours import Event, Events


class Source:
    """Events that a test tells."""

    def __init__(self) -> None:
        self.begun = 0
        self._told: asyncio.Queue[Event] = asyncio.Queue()

    async def events(self, _: Any) -> Events:
        self.begun += 1
        while (event := await self._told.get())[0]:
            yield event

    async def tell(self, *events: Event) -> None:
        for event in events:
            self._told.put_nowait(event)
        await settled()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def row(sid: str, seconds: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"sid": sid, "seconds": seconds, "state": "listening", **more}


def rows(*changed: dict[str, Any], all_: tuple[str, ...]) -> Event:
    return "rows", {"calls": list(changed), "all": list(all_)}


def told(page: Page) -> list[Event]:
    """Events that wait for a page."""
    lines = b"".join(page.take()).decode().splitlines()
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    return list(zip(names, data, strict=True))


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    own, store = Source(), Source()
    monkeypatch.setattr(live_board, "own_events", own.events)
    monkeypatch.setattr(live_board, "stored_events", store.events)
    return SimpleNamespace(own=own, store=store)


@pytest.fixture
async def board(sources: SimpleNamespace) -> LiveBoard:
    del sources
    neighbours: Any = SimpleNamespace(others=list)
    return LiveBoard(SimpleNamespace(), neighbours)  # type: ignore[arg-type]


async def test_ten_pages_cost_one_writing_of_what_is_told(
    board: LiveBoard, sources: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    writings: list[str] = []

    def counted(event: str, data: object) -> bytes:
        writings.append(event)
        return written(event, data)

    monkeypatch.setattr(live_board, "written", counted)
    async with aclosing(_pages(board, 10)) as opened:
        pages = await anext(opened)
        await sources.own.tell(rows(row("CA1"), all_=("CA1",)), ("news", [{"sid": "CA1", "type": "wait"}]))
        assert writings == ["rows", "news"]
        assert sources.own.begun == sources.store.begun == 1
        first = [page.take() for page in pages]
        assert all(one is other for waiting in first for one, other in zip(waiting, first[0], strict=True))


async def _pages(board: LiveBoard, number: int) -> AsyncIterator[list[Page]]:
    contexts = [board.page() for _ in range(number)]
    yield [await one.__aenter__() for one in contexts]
    for one in contexts:
        await one.__aexit__(None, None, None)


async def test_what_has_not_changed_is_not_told_again(board: LiveBoard, sources: SimpleNamespace) -> None:
    async with board.page() as page:
        await sources.own.tell(rows(row("CA1"), row("CA2"), all_=("CA1", "CA2")))
        told(page)
        await sources.own.tell(rows(row("CA1", 3.0), all_=("CA1", "CA2")))
        assert told(page) == []
        await sources.own.tell(rows(row("CA2", 4.0, turns=1), all_=("CA1", "CA2")))
        ((_, change),) = told(page)
        assert [one["sid"] for one in change["calls"]] == ["CA2"]
        assert sorted(change["all"]) == ["CA1", "CA2"]


async def test_a_page_that_comes_later_is_told_all_calls_with_the_words_said_last(
    board: LiveBoard, sources: SimpleNamespace
) -> None:
    async with board.page():
        await sources.own.tell(rows(row("CA1", last=None), row("CA2", last=None), all_=("CA1", "CA2")))
        said = {"sid": "CA1", "type": "caption", "who": "bot", "item": "A", "text": "One", "atMs": 7}
        noise = {**said, "sid": "CA2", "who": "caller", "item": "U", "text": "Uh"}
        await sources.own.tell(("news", [said, noise]), rows(row("CA1", turns=1), all_=("CA1", "CA2")))
        await sources.own.tell(("news", [{**noise, "text": ""}, {**said, "item": "B", "text": ""}]))
        async with board.page() as later:
            ((name, data),) = told(later)
            assert name == "rows"
            assert {one["sid"]: one["last"] for one in data["calls"]} == {
                "CA1": {"who": "bot", "item": "A", "text": "One"},
                "CA2": None,
            }


async def test_a_page_that_reads_nothing_loses_messages_and_is_told_anew_how_all_is(
    board: LiveBoard, sources: SimpleNamespace
) -> None:
    async with board.page() as slow, board.page() as quick:
        await sources.own.tell(rows(row("CA1"), all_=("CA1",)))
        assert told(slow) == told(quick)
        for number in range(MOST_WAITING + 1):
            await sources.own.tell(("news", [{"sid": "CA1", "type": "wait", "ms": number}]))
            assert [data[0]["ms"] for _, data in told(quick)] == [number]
        (name, _), missed, *_ = told(slow)
        assert name == "rows"
        assert missed == ("missed", slow.missed)
        assert slow.missed == MOST_WAITING


async def test_who_has_a_call_knows_more_of_it_than_the_store(board: LiveBoard, sources: SimpleNamespace) -> None:
    async with board.page() as page:
        await sources.own.tell(rows(row("CA1", here=True), all_=("CA1",)))
        await sources.store.tell(rows(row("CA1", here=False), row("CA2", here=False), all_=("CA1", "CA2")))
        last = [data for name, data in told(page) if name == "rows"][-1]
        assert ([one["sid"] for one in last["calls"]], sorted(last["all"])) == (["CA2"], ["CA1", "CA2"])
        await sources.own.tell(rows(all_=()))  # the store is asked again later: until then the call is over
        assert [data["all"] for _, data in told(page)] == [["CA2"]]


async def test_the_board_ends_with_its_last_page_and_begins_anew_with_the_next(
    board: LiveBoard, sources: SimpleNamespace
) -> None:
    async with board.page():
        async with board.page():
            await settled()
        await sources.own.tell(rows(row("CA1"), all_=("CA1",)))
    assert [task for task in asyncio.all_tasks() if task.get_name() == "page"] == []
    async with board.page() as page:
        await settled()
        assert told(page) == []
        assert (sources.own.begun, sources.store.begun) == (2, 2)


async def test_a_server_that_stops_lets_its_pages_go(board: LiveBoard, sources: SimpleNamespace) -> None:
    async with board.page() as page:
        await sources.own.tell(("", None))
        assert page.over


async def test_a_page_that_stays_behind_when_the_others_are_let_go_keeps_no_later_one_from_this_process(
    board: LiveBoard, sources: SimpleNamespace
) -> None:
    async with board.page() as slow:
        await sources.own.tell(rows(row("CA1"), all_=("CA1",)), ("", None))
        assert slow.over
        async with board.page() as later:
            await settled()
            assert (sources.own.begun, sources.store.begun) == (2, 1)
            told(later)
            await sources.own.tell(rows(row("CA2"), all_=("CA2",)))
            assert [data["all"] for _, data in told(later)] == [["CA2"]]


async def test_a_directory_that_can_not_be_read_is_looked_at_again(
    board: LiveBoard, sources: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def others() -> list[Path]:
        looked.append("looked")
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(live_board, "LOOK_S", 0.0)
    monkeypatch.setattr(board._neighbours, "others", others)
    async with board.page():
        await sources.store.tell(("", None))
        await settled()
        assert (len(looked) > 1, sources.store.begun > 1) == (True, True)


async def test_a_store_that_fails_is_asked_again(
    board: LiveBoard, sources: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_board, "LOOK_S", 0.0)
    async with board.page():
        await sources.store.tell(("", None))
        await settled()
        assert sources.store.begun > 1
        assert STORE in board._jobs


def test_a_row_is_told_when_it_has_changed_and_not_because_time_goes_on() -> None:
    live: Any = SimpleNamespace(
        call_sid="CA1",
        offset_us=0,
        answered_by="",
        parties=SimpleNamespace(caller="", called=""),
        past=SimpleNamespace(outgoing=False),
        settings=SimpleNamespace(profile=""),
        bridge=SimpleNamespace(
            age_s=1.0,
            captions=list,
            call=SimpleNamespace(
                operator=(None, ""),
                state=SimpleNamespace(value="listening"),
                transcript=SimpleNamespace(turns=[]),
                counts={"interruptions": 0},
                spent_nano_usd=0,
                running_tools=[],
                settings=SimpleNamespace(destinations=[]),
            ),
        ),
    )
    changed = ChangedRows()
    first = changed.of([live])
    assert first is not None
    assert first["calls"][0]["last"] is None
    live.bridge.age_s = 9.0
    assert changed.of([live]) is None
    live.bridge.call.counts["interruptions"] = 1
    again = changed.of([live])
    assert again is not None
    assert ("last" in again["calls"][0], again["calls"][0]["seconds"]) == (False, 9.0)
    assert changed.of([]) == {"calls": [], "all": []}
