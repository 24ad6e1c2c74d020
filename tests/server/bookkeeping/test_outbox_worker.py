"""Workers of the outbox over a real store: attempts, waits, bounds, and what is left when a process dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from bot.server.bookkeeping.outbox_worker import (
    JITTER,
    LEASE,
    WAITS_S,
    Bounds,
    Done,
    Failed,
    Later,
    OutboxWorker,
    Outcome,
)
from bot.store.call_store import CallStore
from bot.store.results import OutboxItem
from bot.store.sql.announcing import WEBHOOKS
from bot.store.sql.schema import migrate
from bot.store.urls import sqlite_url
from tests.store.row_samples import NOW, ONE, started

BOUNDS = Bounds(longest=timedelta(days=3), attempts=100, at_once=8)


class Clock:
    at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[CallStore]:
    where = sqlite_url(tmp_path / "calls.sqlite", tmp_path)
    await migrate(where)
    opened = CallStore(where, now=clock, announced=WEBHOOKS)
    yield opened
    await opened.close()


class Attempts:
    """Attempts that come out as told, the last one for ever; `made` has their entries."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self._outcomes = list(outcomes)
        self.made: list[OutboxItem] = []

    async def __call__(self, _: CallStore, item: OutboxItem) -> Outcome:
        self.made.append(item)
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def a_worker(attempts: Attempts, clock: Clock, bounds: Bounds = BOUNDS) -> OutboxWorker:
    return OutboxWorker(attempts, bounds, now=clock, chance=lambda low, high: (low + high) / 2)


async def state(store: CallStore) -> list[tuple[str, int, str]]:
    return [(one.state, one.attempts, one.why) for one in await store.outbox("waiting", "delivered", "failed")]


async def test_what_is_due_is_done_once(store: CallStore, clock: Clock) -> None:
    await store.apply([started()])
    attempts = Attempts(Done())
    worker = a_worker(attempts, clock)
    await worker.drained(store)
    await worker.drained(store)
    assert len(attempts.made) == 1
    assert await state(store) == [("delivered", 1, "")]
    assert worker.counted == {"delivered": 1}


async def test_a_receiver_that_is_down_for_an_hour_gets_it_with_the_same_id(store: CallStore, clock: Clock) -> None:
    await store.apply([started()])
    attempts = Attempts(*[Failed("no connection")] * 5, Done())
    worker, began = a_worker(attempts, clock), clock.at
    while await store.outbox("waiting"):
        await worker.drained(store)
        (item,) = await store.outbox("waiting", "delivered")
        clock.at = max(clock.at, item.due_at)
    assert (clock.at - began).total_seconds() == sum(WAITS_S[:5])
    assert len({item.id for item in attempts.made}) == 1
    assert [item.attempts for item in attempts.made] == [1, 2, 3, 4, 5, 6]
    assert worker.counted == {"retried": 5, "delivered": 1}


async def test_a_receiver_that_never_comes_back_is_given_up_and_the_entry_stays(store: CallStore, clock: Clock) -> None:
    await store.apply([started()])
    attempts = Attempts(Failed("the answer is 500"))
    worker, began = a_worker(attempts, clock), clock.at
    while waiting := await store.outbox("waiting"):
        clock.at = max(clock.at, waiting[0].due_at)
        await worker.drained(store)
    assert timedelta(days=3) <= clock.at - began <= timedelta(days=3, hours=6)
    ((how, _, why),) = await state(store)
    assert (how, why) == ("failed", "the answer is 500")
    assert worker.counted["failed"] == 1


async def test_what_was_entered_while_the_bot_was_away_for_a_week_is_tried_all_the_same(
    store: CallStore, clock: Clock
) -> None:
    await store.apply([started()])
    clock.at += timedelta(days=7)
    await a_worker(Attempts(Done()), clock).drained(store)
    assert await state(store) == [("delivered", 1, "")]


@pytest.mark.parametrize(
    ("outcome", "bounds"),
    [(Failed("gone", final=True), BOUNDS), (Failed("gone"), Bounds(timedelta(days=3), 1, 8))],
)
async def test_what_is_hopeless_is_given_up_at_once(
    store: CallStore, clock: Clock, outcome: Failed, bounds: Bounds
) -> None:
    await store.apply([started()])
    await a_worker(Attempts(outcome), clock, bounds).drained(store)
    assert await state(store) == [("failed", 1, "gone")]


async def test_a_pause_that_the_server_asks_for_is_kept(store: CallStore, clock: Clock) -> None:
    await store.apply([started()])
    await a_worker(Attempts(Failed("the answer is 429", wait_s=900.0)), clock).drained(store)
    (item,) = await store.outbox("waiting")
    assert item.due_at == NOW + timedelta(seconds=900)


async def test_what_is_left_for_later_counts_no_attempt(store: CallStore, clock: Clock) -> None:
    await store.apply([started()])
    await a_worker(Attempts(Later(900.0)), clock).drained(store)
    (item,) = await store.outbox("waiting")
    assert (item.attempts, item.due_at) == (0, NOW + timedelta(seconds=900))


async def test_a_defect_costs_an_attempt_and_no_other_entry(
    store: CallStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogCapture()
    structlog.configure(processors=[log])
    await store.apply([started(), started("CA" + "7" * 32)])
    await a_worker(Attempts(RuntimeError("a defect"), Done()), clock).drained(store)
    assert sorted(one[0] for one in await state(store)) == ["delivered", "waiting"]
    assert [entry["log_level"] for entry in log.entries if entry["event"] == "outbox_failed"] == ["error"]


async def test_a_process_that_dies_in_an_attempt_leaves_it_to_another(store: CallStore, clock: Clock) -> None:
    await store.apply([started()])
    hangs = asyncio.Event()

    async def never(_: CallStore, item: OutboxItem) -> Outcome:
        hangs.set()
        await asyncio.Event().wait()
        raise AssertionError(item)

    async def open_store() -> CallStore:
        return store

    dying = asyncio.create_task(OutboxWorker(never, BOUNDS, now=clock).run(open_store))
    await hangs.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    attempts = Attempts(Done())
    other = a_worker(attempts, clock)
    await other.drained(store)
    assert attempts.made == []
    clock.at += LEASE
    await other.drained(store)
    assert await state(store) == [("delivered", 2, "")]


async def test_no_more_are_under_way_than_the_bounds_allow(store: CallStore, clock: Clock) -> None:
    await store.apply([started(f"CA{number:032d}") for number in range(20)])
    at_once, most = 0, 0

    async def slow(_: CallStore, item: OutboxItem) -> Outcome:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return Done()

    worker = OutboxWorker(slow, BOUNDS._replace(at_once=3), now=clock)
    await worker.drained(store)
    assert worker.counted["delivered"] == 20
    assert most <= 3


def test_waits_grow_and_differ() -> None:
    async def none(_: CallStore, item: OutboxItem) -> Outcome:
        raise AssertionError(item)

    worker = OutboxWorker(none, BOUNDS)
    for attempts, wait_s in enumerate([*WAITS_S, WAITS_S[-1]], 1):
        found = {worker.wait_s(attempts) for _ in range(50)}
        assert len(found) > 40
        assert all(wait_s * (1 - JITTER) <= one <= wait_s * (1 + JITTER) for one in found)
    assert ONE
