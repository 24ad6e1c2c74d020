"""A store that is closed while others still use it: what is under way ends well, and no connection is left open."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.store import call_store
from bot.store.call_store import CallStore
from bot.store.open_store import opened
from bot.store.sql.pools import PoolClosed
from bot.store.urls import StoreUrl, url_of
from tests.store.open_connections import OpenConnections, counted
from tests.store.row_samples import ONE, said, started
from tests.waiting import GIVE_UP_S


@pytest.fixture
def connections() -> Iterator[OpenConnections]:
    with counted() as found:
        yield found


@pytest.fixture
def file(tmp_path: Path) -> StoreUrl:
    return url_of(f"sqlite:///{tmp_path}/calls.sqlite", tmp_path)


class Held:
    """A step that is under way, for as long as a test wants."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self._step = step
        self._began = threading.Event()
        self._may_end = threading.Event()

    def __call__(self, *args: Any, **knobs: Any) -> Any:
        self._began.set()
        assert self._may_end.wait(GIVE_UP_S)
        return self._step(*args, **knobs)

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._began.wait, GIVE_UP_S)

    def end(self) -> None:
        self._may_end.set()


async def said_in(where: StoreUrl) -> list[str | None]:
    store = await opened(where)
    try:
        return [turn.text for turn in await store.conversation(ONE)]
    finally:
        await store.close()


# ---- rows on their way to a file ----


async def test_a_write_that_is_under_way_is_finished_and_closes_the_file(
    file: StoreUrl, connections: OpenConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(file)
    held = Held(call_store.apply_rows)
    monkeypatch.setattr(call_store, "apply_rows", held)
    writing = asyncio.create_task(store.apply([started(), said("a")]))
    await held.begun()
    await store.close()  # does not wait for it
    assert len(connections) == 1
    held.end()
    await writing
    assert len(connections) == 0
    assert await said_in(file) == ["a"]


async def test_a_write_that_is_given_up_closes_the_file_when_its_thread_comes_to_an_end(
    file: StoreUrl, connections: OpenConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(file)
    held = Held(call_store.apply_rows)
    monkeypatch.setattr(call_store, "apply_rows", held)
    writing = asyncio.create_task(store.apply([started()]))
    await held.begun()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await store.close()
    held.end()
    assert await asyncio.to_thread(connections.come_to, 0)


async def test_a_write_that_waits_for_the_connection_of_another_is_refused_as_soon_as_that_is_done(
    file: StoreUrl, connections: OpenConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(file)
    assert store._writer is not None
    monkeypatch.setattr(store._writer.pool, "_timeout", GIVE_UP_S * 2)
    held = Held(call_store.apply_rows)
    monkeypatch.setattr(call_store, "apply_rows", held)
    first = asyncio.create_task(store.apply([started(), said("a")]))
    await held.begun()
    waits = threading.Event()
    get = store._writer.pool._pool.get  # type: ignore[attr-defined]

    def waited_for(*args: Any) -> Any:
        waits.set()
        return get(*args)

    monkeypatch.setattr(store._writer.pool._pool, "get", waited_for)  # type: ignore[attr-defined]
    second = asyncio.create_task(store.apply([said("b", 2)]))
    assert await asyncio.to_thread(waits.wait, GIVE_UP_S)
    monkeypatch.setattr(store._writer.pool._pool, "get", get)  # type: ignore[attr-defined]
    await store.close()
    held.end()
    await first
    with pytest.raises(PoolClosed):
        await asyncio.wait_for(second, GIVE_UP_S)
    assert len(connections) == 0
    assert await said_in(file) == ["a"]


# ---- questions ----


async def test_a_question_that_is_under_way_is_answered_and_closes_its_connection(
    where: StoreUrl, store: CallStore, connections: OpenConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.sql.driver_threads.LAST_S", 0.0)
    asked, may_end = asyncio.Event(), asyncio.Event()
    conversation = call_store.reading.conversation

    async def held(*args: Any) -> Any:
        asked.set()
        await may_end.wait()
        return await conversation(*args)

    await store.apply([started(), said("a")])
    monkeypatch.setattr(call_store.reading, "conversation", held)
    asking = asyncio.create_task(store.conversation(ONE))
    await asyncio.wait_for(asked.wait(), GIVE_UP_S)
    await store.close()
    assert len(connections) == 1
    may_end.set()
    assert [turn.text for turn in await asking] == ["a"]
    assert len(connections) == 0


async def test_a_store_that_is_closed_takes_and_tells_nothing_and_opens_nothing(
    where: StoreUrl, store: CallStore, connections: OpenConnections
) -> None:
    await store.apply([started()])
    await store.calls()
    await store.close()
    opened_before = connections.opened
    for work in (
        store.apply([said("a")]),
        store.calls(),
        store.claim("a nonce"),
        store.is_current(),
    ):
        with pytest.raises(OSError, match="closed"):
            await work
    await store.close()
    assert (len(connections), connections.opened) == (0, opened_before)


async def test_a_question_that_is_given_up_as_its_file_is_opened_leaves_it_to_the_closing(
    file: StoreUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.sql.driver_threads.LAST_S", GIVE_UP_S)
    files: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def kept(*args: Any, **knobs: Any) -> sqlite3.Connection:
        files.append(connect(*args, **knobs))
        return files[-1]

    held = Held(kept)
    store = await opened(file)
    await store.close()
    store = CallStore(file)
    monkeypatch.setattr("aiosqlite.core.sqlite3.connect", held)
    asking = asyncio.create_task(store.calls())
    await held.begun()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    closing = asyncio.create_task(store.close())
    held.end()
    await closing
    (one,) = files
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        _ = one.total_changes
