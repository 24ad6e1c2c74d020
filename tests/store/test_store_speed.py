"""Speed of the store with many calls in it.

A slow test tells how soon it answers. Its bounds are wide: a scan, or a plan gone wrong, is ten times over them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.call_store import CallStore
from bot.store.results import Filters
from bot.store.rows import Row
from bot.store.sql.engine import for_writing, make_engine
from bot.store.sql.tables import calls, events, turns, usages
from bot.store.urls import StoreUrl
from tests.store.row_samples import DAY, HASH, NOW, OTHER_HASH, SECOND, ended, event, said, started, used

CALLS = 10_000
COPIES = 16
ANSWER_S = 0.3
REASONS = ("caller_hung_up", "bot_hung_up", "idle", "crashed")


def sid_of(number: int, copy: int = 0) -> str:
    return f"CA{copy:02d}{number:030x}"


def call(number: int) -> list[Row]:
    """A short call, one of many: every tenth from one caller, every fourth idle, four an hour."""
    sid, at = sid_of(number), NOW + number * 900 * SECOND
    caller = HASH if number % 10 == 0 else f"{number:064x}"
    return [
        started(sid, at, caller_hash=caller),
        *(said("Words of some length, as they are said.", turn, sid=sid, began=turn * 1_000_000) for turn in range(4)),
        *(used(number * 1000 + turn, turn, sid=sid, at=at) for turn in range(2)),
        event(sid=sid),
        ended(sid, at + 60 * SECOND, REASONS[number % 4]),
    ]


async def copy(connection: AsyncConnection, number: int) -> None:
    """Everything of every first call again, as another call of the same time: writing each would take a minute."""
    for table in (calls, turns, usages, events):
        column = table.c.sid if table is calls else table.c.call_sid
        other = (sa.literal(f"CA{number:02d}") + sa.func.substr(column, 5)).label(column.name)
        rest = [one for one in table.c if one is not column]
        mine = sa.select(other, *rest).where(column.startswith("CA00"))
        await connection.execute(sa.insert(table).from_select([column, *rest], mine))


@pytest.fixture
async def full(store: CallStore, where: StoreUrl) -> CallStore:
    await store.apply([row for number in range(CALLS // COPIES) for row in call(number)])
    engine = make_engine(where)
    async with for_writing(engine).begin() as connection:
        for number in range(1, COPIES):
            await copy(connection, number)
    await engine.dispose()
    return store


@pytest.mark.slow
async def test_ten_thousand_calls_are_asked_at_once(full: CallStore, where: StoreUrl) -> None:
    """One filling, every question: it is the filling that takes long."""
    day = Filters(since=NOW + DAY, until=NOW + 2 * DAY, limit=CALLS)
    questions = {
        "the newest": (Filters(), 50),
        "a page far down": (Filters(before=sid_of(100)), 50),
        "a day": (day, 96 * COPIES),
        "a caller": (Filters(caller_hash=HASH, limit=200), 200),
        "a caller who never called": (Filters(caller_hash=OTHER_HASH), 0),
        "a reason": (Filters(reason="idle"), 50),
        "a reason that never was": (Filters(reason="refused"), 0),
        "the dear": (Filters(min_nano_usd=1_240_000), 50),
        "all": (Filters(limit=CALLS), CALLS),
    }
    took = {}
    for name, (filters, count) in questions.items():
        begun = time.perf_counter()
        assert len(await full.calls(filters)) == count, name
        took[name] = time.perf_counter() - begun
    begun = time.perf_counter()
    assert await full.call(sid_of(500)) is not None
    took["one"] = time.perf_counter() - begun
    begun = time.perf_counter()
    assert await full.spent_since(NOW + 6 * DAY) > 0
    took["spent"] = time.perf_counter() - begun
    print({name: f"{1000 * seconds:.1f} ms" for name, seconds in took.items()}, where.dialect)  # shown with -rP
    everything = took.pop("all")
    assert max(took.values()) < ANSWER_S
    assert everything < 10 * ANSWER_S


async def test_a_batch_goes_to_a_file_by_one_change_of_threads(
    store: CallStore, where: StoreUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processor's time of a batch is mostly that of changing threads: one there and back, however many rows."""
    if where.dialect != "sqlite":
        pytest.skip("Postgres answers over a socket")
    loop, changes = asyncio.get_running_loop(), list[object]()
    told = loop.call_soon_threadsafe

    def counted(callback: Callable[..., object], *arguments: Any, **named: Any) -> asyncio.Handle:
        changes.append(callback)
        return told(callback, *arguments, **named)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    await store.apply([row for number in range(20) for row in call(number)])
    assert len(changes) == 1
    assert len(await store.calls()) == 20
    assert len(changes) > 5  # they are counted: a question goes by the driver for asyncio


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("ORDER BY started_at DESC, sid DESC LIMIT 50", "ix_calls_started_at_sid"),
        ("WHERE started_at >= '2026' AND started_at < '2027' ORDER BY started_at DESC", "ix_calls_started_at_sid"),
        ("WHERE caller_hash = 'x' ORDER BY started_at DESC LIMIT 50", "ix_calls_caller_hash_started_at"),
        ("WHERE reason = 'idle' ORDER BY started_at DESC LIMIT 50", "ix_calls_reason_started_at"),
        ("WHERE nano_usd >= 5", "ix_calls_nano_usd"),
        ("WHERE ended_at IS NULL", "ix_calls_ended_at"),
    ],
)
async def test_each_filter_has_its_index(store: CallStore, where: StoreUrl, condition: str, index: str) -> None:
    if where.dialect != "sqlite":
        pytest.skip("Postgres chooses by statistics")
    engine = make_engine(where)
    try:
        async with engine.connect() as connection:
            plan = await connection.execute(sa.text(f"EXPLAIN QUERY PLAN SELECT * FROM calls {condition}"))
            assert any(index in row.detail for row in plan)
    finally:
        await engine.dispose()
