from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bot.store.delivery import write_behind as module
from bot.store.delivery.backlog import Backlog
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.delivery.write_behind import WriteBehind
from bot.store.rows import CallEnded, EventKept, Row
from tests.store.faulty_store import ALIVE, AWAY, FaultyStore, keeping
from tests.store.row_samples import ONE, TWO, ended, event, said, started
from tests.waiting import GIVE_UP_S


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert {thread for thread in threading.enumerate() if thread.name == "store"} <= before


def named(logs: list[EventDict], name: str) -> list[EventDict]:
    return [entry for entry in logs if entry["event"] == name]


def conversation(turns: int, sid: str = ONE) -> list[Row]:
    return [started(sid), *(said(f"turn {number}", number, sid=sid) for number in range(turns)), ended(sid)]


async def test_a_turn_is_stored_with_nothing_more_to_be_done() -> None:
    store = FaultyStore()
    async with keeping(store) as keeper:
        keeper.put(said("hello"))
        await store.reaches(lambda: store.rows == [said("hello")])


def test_the_only_wait_before_a_turn_is_stored_is_a_fifth_of_a_second() -> None:
    """With what the store takes, a finished turn is there within half a second."""
    assert module.GATHER_S == 0.2


async def test_rows_are_stored_in_their_order_and_in_few_transactions() -> None:
    store = FaultyStore()
    rows = [row for sid in (ONE, TWO) for row in conversation(30, sid)]
    async with keeping(store) as keeper:
        for row in rows:
            keeper.put(row)
        assert await keeper.flush(5)
    assert store.rows == [replace(row, lost=0) if isinstance(row, CallEnded) else row for row in rows]
    assert store.batches == [len(rows)]


async def test_a_store_that_is_away_gets_everything_when_it_returns(logs: list[EventDict]) -> None:
    store = FaultyStore()
    store.fault = AWAY
    async with keeping(store) as keeper:
        for row in conversation(300):
            keeper.put(row)
        await store.reaches(lambda: store.attempts > 20)
        assert (keeper.away, keeper.waiting, store.rows) == (True, 302, [])
        store.fault = None
        assert await keeper.flush(5)
        assert (keeper.away, keeper.waiting, keeper.lost, len(store.rows)) == (False, 0, 0, 302)
    assert [entry["why"] for entry in named(logs, "store_away")] == ["OperationalError: database or disk is full"]
    assert len(named(logs, "store_back")) == 1


async def test_each_attempt_opens_the_store_anew() -> None:
    store = FaultyStore()
    store.fault = AWAY
    async with keeping(store) as keeper:
        keeper.put(event())
        await store.reaches(lambda: store.attempts > 5)
        store.fault = None
        assert await keeper.flush(5)
    assert store.opened > 3
    assert store.closed == store.opened


async def test_a_store_that_can_t_be_opened_is_tried_again(logs: list[EventDict]) -> None:
    store = FaultyStore()
    store.opening_fault = OSError(13, "Permission denied")
    async with keeping(store) as keeper:
        keeper.put(event())
        assert not await keeper.flush(0.05)
        store.opening_fault = None
        assert await keeper.flush(5)
    assert store.rows == [event()]
    assert len(named(logs, "store_away")) == len(named(logs, "store_back")) == 1


async def test_a_row_the_store_refuses_costs_no_other_and_is_counted(logs: list[EventDict]) -> None:
    store = FaultyStore()
    store.poison = {"bad"}
    bad = [EventKept(ONE, 90 + number, 1, "bad", "info") for number in range(3)]
    async with keeping(store) as keeper:
        for row in (started(), event(1), bad[0], said("a"), bad[1], event(2), bad[2], ended(), said("b", sid=TWO)):
            keeper.put(row)
        assert await keeper.flush(5)
        assert (keeper.lost, keeper.away) == (3, False)
    assert [row for row in store.rows if row not in store.ends] == [
        *(started(), event(1), said("a"), event(2), said("b", sid=TWO))
    ]
    assert store.ends[-1].lost == 3
    assert named(logs, "store_away") == []
    (refused,) = named(logs, "record_refused")
    assert (refused["call_sid"], refused["kind"], refused["why"], refused["rows"]) == (ONE, "EventKept", "DataError", 3)
    assert [(entry["call_sid"], entry["rows"]) for entry in named(logs, "records_lost")] == [(ONE, 3)]


async def test_no_row_is_blamed_while_the_store_does_not_take_a_good_one() -> None:
    store = FaultyStore()
    store.fault = ValueError("nothing is right today")
    async with keeping(store) as keeper:
        keeper.put(said("a"))
        await store.reaches(lambda: store.attempts > 10)
        assert (keeper.lost, keeper.waiting, keeper.away) == (0, 1, True)
        store.fault = None
        assert await keeper.flush(5)
    assert store.rows == [said("a")]


async def test_what_a_call_lost_stands_in_its_end(logs: list[EventDict]) -> None:
    store = FaultyStore()
    store.fault = AWAY
    async with keeping(store, Backlog(1000, 10)) as keeper:
        keeper.put(said("in flight", sid=TWO))
        await store.reaches(lambda: store.attempts > 1)
        for row in conversation(20):
            keeper.put(row)
        await comes(lambda: keeper.lost_of(ONE) == 12)
        store.fault = None
        assert await keeper.flush(5)
    (end,) = store.ends
    assert end.lost == 22 - 10
    assert [entry["rows"] for entry in named(logs, "records_lost")] == [12]
    assert keeper.lost_of(ONE) == 0


async def comes(holds: Callable[[], bool], within_s: float = GIVE_UP_S) -> None:
    """Wait for what the keeper's thread does, which sets no event here."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def test_put_does_not_wait_for_a_store_that_hangs_and_stays_within_bounds() -> None:
    store = FaultyStore()
    store.hold.clear()
    async with keeping(store, Backlog(50, 50)) as keeper:
        for number in range(10_000):
            keeper.put(event(number))
        await comes(lambda: keeper.waiting <= 2 * 50 and keeper.waiting + keeper.lost == 10_000)
        store.hold.set()
        assert await keeper.flush(5)


async def test_stopping_stores_what_waits() -> None:
    store = FaultyStore()
    keeper = WriteBehind(store.open, lambda: ALIVE, beat_s=60)
    keeper.start()
    for row in conversation(5):
        keeper.put(row)
    assert await keeper.stop(5)
    assert (len(store.rows), store.closed) == (7, 1)


async def test_stopping_does_not_wait_for_ever_and_says_what_is_given_up(logs: list[EventDict]) -> None:
    store = FaultyStore()
    store.fault = AWAY
    keeper = WriteBehind(store.open, lambda: ALIVE, beat_s=60, retry_s=(30.0,))
    keeper.start()
    keeper.put(said("a"))
    keeper.put(ended())
    assert not await keeper.stop(0.05)
    (given_up,) = named(logs, "records_given_up")
    assert (given_up["rows"], given_up["calls"]) == (2, [ONE])
    keeper.put(said("late"))  # whoever is late by a hair does no harm


async def test_a_flush_cuts_a_long_rest_short() -> None:
    store = FaultyStore()
    store.fault = AWAY
    async with keeping(store, retry_s=(0.001, 3600.0)) as keeper:
        keeper.put(said("a"))
        await store.reaches(lambda: store.attempts >= 2)
        store.fault = None
        assert await keeper.flush(5)


async def test_a_flush_is_over_though_rows_keep_coming() -> None:
    store = FaultyStore()
    async with keeping(store) as keeper:

        async def chatter() -> None:
            for number in itertools.count():
                keeper.put(event(number))
                await asyncio.sleep(0)

        chattering = asyncio.create_task(chatter())
        try:
            keeper.put(said("a"))
            assert await keeper.flush(5)
            assert said("a") in store.rows
        finally:
            chattering.cancel()


async def test_a_question_is_answered_or_the_store_is_away() -> None:
    store = FaultyStore()

    async def batches(one: FaultyStore) -> int:
        return len(one.batches)

    async def broken(_: FaultyStore) -> int:
        raise AWAY

    async def slow(_: FaultyStore) -> int:
        await asyncio.sleep(60)
        return 0

    async with keeping(store) as keeper:
        keeper.put(event())
        await keeper.flush(5)
        assert await keeper.ask(batches, 5) == 1
        with pytest.raises(StoreAway, match="disk is full"):
            await keeper.ask(broken, 5)
        with pytest.raises(StoreAway, match=r"no answer within 0\.05 s"):
            await keeper.ask(slow, 0.05)


async def test_it_shows_that_the_process_lives_and_that_the_store_is_back(logs: list[EventDict]) -> None:
    store = FaultyStore()
    store.opening_fault = OSError("gone")
    seen = []

    async def then(one: FaultyStore) -> None:
        seen.append(one)

    async with keeping(store, beat_s=0.005, then=then, soon_s=0.005) as keeper:
        await comes(lambda: keeper.away)
        store.opening_fault = None
        await store.reaches(lambda: store.beats > 3)
        assert not keeper.away
    assert seen[0] is store
    assert len(named(logs, "store_away")) == len(named(logs, "store_back")) == 1


async def test_a_job_that_fails_is_told_of_once_and_disturbs_nothing(logs: list[EventDict]) -> None:
    store = FaultyStore()
    times = itertools.count(1)
    done = threading.Event()

    async def job(_: FaultyStore) -> None:
        if next(times) > 3:
            done.set()
        raise RuntimeError("a defect")

    async with keeping(store, soon_s=0.002) as keeper:
        keeper.every(0.002, job)
        assert await asyncio.to_thread(done.wait, 5)
        keeper.put(said("a"))
        assert await keeper.flush(5)
    assert store.rows == [said("a")]
    assert len(named(logs, "store_job_failed")) == 1
