"""The book of what was dialled, on every database: one call a key, and the day's caps, whoever asks at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.store.call_store import CallStore
from bot.store.sql.dial_book import DAY, KEPT, PLACING, Caps, Dial, Reserved, Wanted
from tests.store.row_samples import HASH, NOW, ONE, OTHER_HASH, SECOND, TWO

FIRST = Wanted("k1", "d1", HASH)
NONE = Caps()


class Clock:
    now = NOW

    def __call__(self):  # noqa: ANN204
        return self.now


async def test_a_key_is_one_call_however_often_it_is_asked_for(store: CallStore) -> None:
    assert await store.reserve_dial(FIRST, NONE) == Reserved()
    assert (await store.reserve_dial(FIRST, NONE)).before == Dial("k1", "d1", "placing", "")
    await store.settle_dial("k1", "placed", ONE)
    assert (await store.reserve_dial(FIRST._replace(digest="d2"), NONE)).before == Dial("k1", "d1", "placed", ONE)
    await store.settle_dial("k1", "doubtful")
    await store.settle_dial("k1", "placed", TWO)
    await store.release_dial("k1")
    assert (await store.reserve_dial(FIRST, NONE)).before == Dial("k1", "d1", "placed", ONE)


async def test_of_many_who_ask_at_once_one_dials(store: CallStore) -> None:
    found = await asyncio.gather(*(store.reserve_dial(FIRST, NONE) for _ in range(8)))
    assert sum(one == Reserved() for one in found) == 1


async def test_a_call_that_was_not_placed_counts_for_nothing(store: CallStore) -> None:
    await store.reserve_dial(FIRST, Caps(1, 1))
    await store.release_dial("k1")
    assert await store.reserve_dial(FIRST, Caps(1, 1)) == Reserved()


async def test_caps_count_by_number_and_over_all_within_a_day(store: CallStore) -> None:
    clock = Clock()
    store._now = clock
    caps = Caps(per_number=2, per_day=3)
    assert await store.reserve_dial(Wanted("a", "", HASH), caps) == Reserved()
    clock.now += 10 * SECOND
    assert await store.reserve_dial(Wanted("b", "", HASH), caps) == Reserved()
    assert await store.reserve_dial(Wanted("c", "", HASH), caps) == Reserved(cap="per_number", free_at=NOW + DAY)
    assert await store.reserve_dial(Wanted("d", "", OTHER_HASH), caps) == Reserved()
    assert await store.reserve_dial(Wanted("e", "", "f0" * 32), caps) == Reserved(cap="per_day", free_at=NOW + DAY)
    clock.now = NOW + DAY
    assert await store.reserve_dial(Wanted("c", "", HASH), caps) == Reserved()
    assert (await store.reserve_dial(Wanted("f", "", HASH), caps)).cap == "per_number"


async def test_nobody_passes_a_cap_at_once_with_another(store: CallStore) -> None:
    found = await asyncio.gather(*(store.reserve_dial(Wanted(f"k{n}", "", HASH), Caps(3)) for n in range(8)))
    assert sum(one == Reserved() for one in found) == 3


async def test_a_process_that_died_while_it_placed_a_call_leaves_a_doubt_and_two_days_later_nothing(
    store: CallStore,
) -> None:
    clock = Clock()
    store._now = clock
    await store.reserve_dial(FIRST, NONE)
    clock.now += PLACING + timedelta(seconds=1)
    assert (await store.reserve_dial(FIRST, NONE)).before == Dial("k1", "d1", "doubtful", "")
    clock.now = NOW + KEPT + timedelta(seconds=1)
    assert await store.reserve_dial(FIRST, NONE) == Reserved()
