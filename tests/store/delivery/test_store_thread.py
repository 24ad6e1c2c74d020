"""The store's thread as it ends, and as one of its jobs lets go of the store that others use."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bot.store.delivery.batch_delivery import StoreAway
from bot.store.delivery.write_behind import WriteBehind
from tests.store.faulty_store import ALIVE, AWAY, FaultyStore, keeping
from tests.store.row_samples import said
from tests.waiting import GIVE_UP_S


class Stores:
    """A store for each time that one is opened; `may_open` is waited for."""

    def __init__(self) -> None:
        self.all: list[FaultyStore] = []
        self.opening = threading.Event()
        self.may_open = threading.Event()
        self.may_open.set()

    async def open(self) -> FaultyStore:
        self.opening.set()
        await asyncio.to_thread(self.may_open.wait, GIVE_UP_S)
        self.all.append(FaultyStore())
        return self.all[-1]


async def test_a_question_that_is_under_way_at_the_end_is_told_so_and_the_store_is_closed_after_it() -> None:
    store = FaultyStore()
    asked = threading.Event()
    order: list[str] = []

    async def endless(_: FaultyStore) -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            order.append(f"question over, store closed {store.closed} times")

    async with keeping(store) as keeper:
        asking = asyncio.create_task(keeper.ask(endless, GIVE_UP_S))
        assert await asyncio.to_thread(asked.wait, GIVE_UP_S)
    with pytest.raises(StoreAway, match="ended"):
        await asking
    assert (order, store.closed) == (["question over, store closed 0 times"], 1)


async def test_a_store_that_a_question_opens_at_the_end_is_closed_and_no_other_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.store.delivery.store_thread.CLOSE_S", GIVE_UP_S)
    stores = Stores()
    stores.may_open.clear()

    async def beats(store: FaultyStore) -> int:
        return store.beats

    keeper = WriteBehind(stores.open, lambda: ALIVE, beat_s=60)
    keeper.start()
    asking = [asyncio.create_task(keeper.ask(beats, GIVE_UP_S)) for _ in range(3)]
    assert await asyncio.to_thread(stores.opening.wait, GIVE_UP_S)
    stopping = asyncio.create_task(keeper.stop(GIVE_UP_S))
    while not keeper._ending.is_set():  # noqa: ASYNC110  set by the keeper's thread
        await asyncio.sleep(0)
    stores.may_open.set()
    await stopping
    for outcome in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(outcome, StoreAway)
    assert [store.closed for store in stores.all] == [1]


async def test_a_question_after_the_end_finds_the_store_away() -> None:
    store = FaultyStore()
    async with keeping(store) as keeper:
        pass

    async def beats(one: FaultyStore) -> int:
        return one.beats

    with pytest.raises(StoreAway, match="ended"):
        await keeper.ask(beats, GIVE_UP_S)


async def test_a_job_that_fails_with_a_store_that_was_let_go_of_leaves_the_new_one_alone() -> None:
    """Else two jobs could close each other's store by turns."""
    stores = Stores()
    has_old, old_fails, has_failed = threading.Event(), threading.Event(), threading.Event()

    async def job(store: FaultyStore) -> None:
        if store is not stores.all[0]:
            has_failed.set()
            return
        has_old.set()
        await asyncio.to_thread(old_fails.wait, GIVE_UP_S)
        raise AWAY

    keeper = WriteBehind(stores.open, lambda: ALIVE, retry_s=(0.002,), beat_s=60, soon_s=0.002)
    keeper.start()
    try:
        keeper.every(60, job)
        assert await asyncio.to_thread(has_old.wait, GIVE_UP_S)
        stores.all[0].fault = AWAY
        keeper.put(said("a"))
        assert await keeper.flush(GIVE_UP_S)
        (old, new) = stores.all
        old_fails.set()
        assert await asyncio.to_thread(has_failed.wait, GIVE_UP_S)
        assert (old.closed, new.closed, keeper.away) == (1, 0, False)
    finally:
        old_fails.set()
        await keeper.stop(GIVE_UP_S)
    assert (len(stores.all), new.closed, new.rows) == (2, 1, [said("a")])
