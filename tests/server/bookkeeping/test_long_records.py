"""The record of a long call, read and told in slices: calls that go on wait for a small part of the work, at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bot.server.bookkeeping.webhook_delivery import MAX_BODY_BYTES, body_of
from bot.store.call_store import CallStore
from bot.store.open_store import opened
from bot.store.results import OutboxItem
from bot.store.rows import EventKept
from bot.store.urls import url_of
from tests.store.row_samples import NOW, ONE, said, started

TURNS, EVENTS = 800, 2_400
MOST = 1 / 4
"""Share of the whole that one step of the loop may take, by its time on the processor."""
ITEM = OutboxItem(
    id="id", call_sid=ONE, kind="call.ended", number=None, at=NOW, created_at=NOW, due_at=NOW, attempts=1,
    state="waiting", why="",
)  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CallStore]:
    made = await opened(url_of(f"sqlite:///{tmp_path}/calls.sqlite", tmp_path))
    turns = [said("word " * 20, number, began=number * 1_000_000) for number in range(1, TURNS + 1)]
    events = [EventKept(ONE, number, number, "told", "info", {"of": "abc " * 10}) for number in range(1, EVENTS + 1)]
    await made.apply([started(), *turns, *events])
    yield made
    await made.close()


async def longest_share(work: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch) -> float:
    """Share of the longest step of the loop in all of them; the least of some tries, since others run here too."""
    run, spans = asyncio.Handle._run, list[float]()

    def timed(handle: asyncio.Handle) -> None:
        began_s = time.thread_time()
        run(handle)
        spans.append(time.thread_time() - began_s)

    shares = []
    for _ in range(4):
        spans.clear()
        with monkeypatch.context() as patch:
            patch.setattr(asyncio.Handle, "_run", timed)
            await asyncio.create_task(work())  # type: ignore[arg-type]
        shares.append(max(spans) / sum(spans))
    return min(shares)


async def test_a_long_record_is_read_and_told_in_small_steps(store: CallStore, monkeypatch: pytest.MonkeyPatch) -> None:
    story = await store.story_of(ONE)
    assert story is not None
    assert (len(story.turns), len(story.events)) == (TURNS, EVENTS)
    assert await longest_share(lambda: store.story_of(ONE), monkeypatch) < MOST
    assert await longest_share(lambda: store.so_far(ONE), monkeypatch) < MOST
    assert await longest_share(lambda: body_of(ITEM, story), monkeypatch) < MOST


async def test_of_what_is_too_long_to_be_told_the_figures_are(store: CallStore) -> None:
    story = await store.story_of(ONE)
    assert story is not None
    kept = []
    for told, words in ((10, 10), (400_000, 10), (300_000, 200_000), (10, 400_000)):
        turns = [said("w" * words, number).turn for number in range(1, 4)]
        events = [EventKept(ONE, number, number, "told", "info", {"of": "e" * told}) for number in range(1, 4)]
        body = await body_of(ITEM, replace(story, turns=turns, events=events))
        assert len(body) <= MAX_BODY_BYTES
        data = msgspec.json.decode(body)["data"]
        assert data["call"]["sid"] == ONE
        kept.append([name for name in ("turns", "events") if data[name] is not None])
    assert kept == [["turns", "events"], ["turns"], ["turns"], []]
