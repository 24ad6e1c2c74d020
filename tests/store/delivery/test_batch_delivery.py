"""Delivery to both databases: which faults are the store's, and which a row's."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import event as sqlalchemy_event

from bot.store.call_store import CallStore
from bot.store.delivery.batch_delivery import StoreAway, Unkept, deliver, why_of
from bot.store.delivery.write_behind import WriteBehind
from bot.store.open_store import opened
from bot.store.rows import EventKept, FileKept, OwnerSeen, Row
from bot.store.urls import StoreUrl, url_of
from tests.postgres import PASSWORD, USER
from tests.store.row_samples import NOW, ONE, TWO, ended, event, said, started

ALIVE = OwnerSeen("web-1", "web", NOW)
TOO_LARGE = EventKept(ONE, 2**70, 1, "too_large", "info")
NO_ZONE = FileKept(ONE, "/f", "fixture", datetime(2026, 11, 22))


async def test_only_the_rows_that_are_wrong_are_refused(store: CallStore) -> None:
    rows = [started(), TOO_LARGE, said("a"), event(1), NO_ZONE, said("b", sid=TWO), ended()]
    refused = await deliver(store.apply, rows, ALIVE)
    assert [one.row for one in refused] == [TOO_LARGE, NO_ZONE]
    call = await store.call(ONE)
    assert call is not None
    assert (call.summary.reason, [turn.text for turn in call.turns], len(call.events)) == ("caller_hung_up", ["a"], 1)
    assert [turn.text for turn in await store.conversation(TWO)] == ["b"]


async def test_nothing_of_a_row_is_told(store: CallStore) -> None:
    secret = FileKept(ONE, "/srv/ann/secret", "fixture", datetime(2026, 11, 22))
    ((_, why),) = await deliver(store.apply, [secret], ALIVE)
    assert why == "ValueError"


@pytest.mark.parametrize("row", [TOO_LARGE, said("fine")])
async def test_without_tables_the_store_is_to_blame_whatever_the_row(where: StoreUrl, row: EventKept) -> None:
    store = CallStore(where)
    try:
        with pytest.raises(StoreAway, match="calls"):
            await deliver(store.apply, [row], ALIVE)
    finally:
        await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bot:secret-word@127.0.0.1:1/calls?sslmode=disable",
        "postgresql://bot:secret-word@host.invalid/calls",
        "sqlite:////proc/nowhere/calls.sqlite",
    ],
)
async def test_a_store_that_can_t_be_reached_is_away(tmp_path: Path, url: str) -> None:
    async def apply(rows: object) -> None:
        await opened(url_of(url, tmp_path))

    with pytest.raises(StoreAway) as caught:
        await deliver(apply, [said("a")], ALIVE)
    assert "secret-word" not in str(caught.value)


async def test_a_full_disk_refuses_no_row(tmp_path: Path) -> None:
    """A small row may still fit where larger ones do not."""
    store = await opened(url_of(f"sqlite:///{tmp_path}/calls.sqlite", tmp_path))
    assert store._writer is not None
    sqlalchemy_event.listen(store._writer, "checkout", _limit)
    try:
        with pytest.raises(StoreAway, match="full"):
            await deliver(store.apply, [said("long " * 20_000)], ALIVE)
        assert await deliver(store.apply, [ALIVE], ALIVE) == []
    finally:
        await store.close()


def _limit(connection: object, *_: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA max_page_count = 1")
    cursor.close()


@asynccontextmanager
async def kept_in(where: StoreUrl) -> AsyncIterator[WriteBehind[CallStore]]:
    async def open_store() -> CallStore:
        return await opened(where)

    keeper = WriteBehind(open_store, lambda: ALIVE, retry_s=(0.01,), beat_s=60)
    keeper.start()
    try:
        yield keeper
    finally:
        await keeper.stop(5)


async def answer(keeper: WriteBehind[CallStore], sid: str = ONE) -> list[str | None]:
    return await keeper.ask(lambda store: _texts(store, sid), 5)


async def _texts(store: CallStore, sid: str) -> list[str | None]:
    return [turn.text for turn in await store.conversation(sid)]


async def test_a_keeper_makes_the_tables_and_stores(where: StoreUrl) -> None:
    async with kept_in(where) as keeper:
        keeper.put(said("a"))
        assert await keeper.flush(10)
        assert await answer(keeper) == ["a"]


async def test_a_file_that_another_has_locked_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.sql.engine._PRAGMAS", ("busy_timeout = 10", "journal_mode = WAL"))
    async with kept_in(url_of(f"sqlite:///{tmp_path}/calls.sqlite", tmp_path)) as keeper:
        keeper.put(started())
        assert await keeper.flush(10)
        other = sqlite3.connect(tmp_path / "calls.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        keeper.put(said("a"))
        assert not await keeper.flush(0.3)
        assert keeper.away
        other.execute("COMMIT")
        other.close()
        assert await keeper.flush(10)
        assert (await answer(keeper), keeper.lost) == (["a"], 0)


async def test_a_file_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    """The rows in it are gone with it; those that come are kept."""
    path = tmp_path / "calls.sqlite"
    async with kept_in(url_of(f"sqlite:///{path}", tmp_path)) as keeper:
        keeper.put(said("before"))
        assert await keeper.flush(10)
        for name in tmp_path.glob("calls.sqlite*"):  # noqa: ASYNC240  the keeper's loop is another
            name.unlink()
        keeper.put(said("after", 2))
        assert await keeper.flush(10)
    found = sqlite3.connect(path)
    assert found.execute("SELECT text FROM turns").fetchall() == [("after",)]
    found.close()


async def test_a_server_that_ends_every_connection_loses_nothing(postgres: object, where: StoreUrl) -> None:
    if where.dialect != "postgresql":
        pytest.skip("SQLite has no server")
    async with kept_in(where) as keeper:
        keeper.put(started())
        assert await keeper.flush(10)
        boss = await asyncpg.connect(
            host="127.0.0.1", port=where.connect_args["port"], user=USER, password=PASSWORD, database="postgres"
        )
        ending = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
        for number in range(5):
            keeper.put(said(f"turn {number}", number))
            await boss.execute(str(ending), where.url.database)
            await asyncio.sleep(0)
            assert await keeper.flush(10)
        await boss.close()
        assert (await answer(keeper), keeper.lost) == ([f"turn {number}" for number in range(5)], 0)


def test_an_error_is_told_in_one_line_without_the_statement() -> None:
    error = sa.exc.OperationalError("INSERT INTO turns", {"text": "hi"}, sqlite3.OperationalError("locked\nDETAIL: hi"))
    assert why_of(error) == "OperationalError: locked"
    assert why_of(TimeoutError()) == "TimeoutError"
    assert Unkept(said("a"), "x").why == "x"


async def test_a_row_that_a_breaking_connection_failed_is_stored_and_not_refused() -> None:
    """Not every such error says what it is."""
    failures = [RuntimeError("the handler is closed"), RuntimeError("the handler is closed")]
    stored: list[object] = []

    async def apply(rows: Sequence[Row]) -> None:
        if len(rows) == 1 and rows[0] is ALIVE:
            return
        if failures:
            raise failures.pop()
        stored.extend(rows)

    assert await deliver(apply, [said("a"), said("b", 2)], ALIVE) == []
    assert stored == [said("a"), said("b", 2)]
