"""Calls of processes that died."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.store.call_store import CallStore
from bot.store.urls import StoreUrl
from tests.store.row_samples import (
    DAY,
    NOW,
    ONE,
    SECOND,
    THREE,
    TWO,
    ended,
    event,
    said,
    seen,
    started,
    used,
    whole_call,
)

LATER = NOW + 30 * SECOND


async def test_a_call_whose_process_has_been_silent_ends_as_crashed(store: CallStore) -> None:
    await store.apply([row for row in whole_call() if type(row).__name__ != "CallEnded"])
    await store.apply([seen(at=NOW + 20 * SECOND)])
    assert await store.end_crashed(NOW + 20 * SECOND) == []
    assert await store.end_crashed(LATER) == [ONE]
    found = await store.call(ONE)
    assert found is not None
    summary = found.summary
    assert (summary.reason, summary.ended_at, summary.seconds) == ("crashed", NOW + 20 * SECOND, 20.0)
    assert (summary.turns, summary.interruptions, summary.nano_usd) == (3, 1, 3_530_000)
    assert [turn.text for turn in found.turns] == ["Hello, how can I help?", "When are you open?", "We open at"]


@pytest.mark.parametrize(("minute", "streamed", "line"), [(13_000_000, True, 26_000_000), (13_000_000, False, 0)])
async def test_the_line_of_a_crashed_call_costs_its_minutes_once_its_stream_had_come(
    store: CallStore, minute: int, line: int, *, streamed: bool
) -> None:
    told = [said("Hello", began=61_000_000), used(1, at=NOW + SECOND)] if streamed else []
    await store.apply([started(ONE), seen(at=NOW), *told])
    assert await store.end_crashed(NOW + DAY, line_minute=minute) == [ONE]
    found = await store.call(ONE)
    assert found is not None
    summary = found.summary
    assert summary.line_nano_usd == line
    assert summary.nano_usd == line + summary.model_nano_usd
    assert bool(summary.model_nano_usd) is streamed


async def test_the_calls_of_a_process_that_lives_go_on(store: CallStore) -> None:
    await store.apply([seen("web-1", LATER), started(ONE), seen("web-2", NOW), started(TWO, owner="web-2")])
    assert await store.end_crashed(LATER) == [TWO]
    assert [call.sid for call in await store.calls() if call.ended_at is None] == [ONE]


async def test_a_call_that_has_ended_is_left_alone(store: CallStore) -> None:
    await store.apply([*whole_call(), seen(at=NOW)])
    assert await store.end_crashed(NOW + DAY, ["web-1"]) == []
    assert [call.reason for call in await store.calls()] == ["caller_hung_up"]


async def test_a_process_known_to_be_dead_is_not_waited_for(store: CallStore) -> None:
    await store.apply([seen("web-1", LATER), started(ONE), seen("web-2", LATER), started(TWO, owner="web-2")])
    assert await store.end_crashed(NOW - DAY, ["web-1", "web-9"]) == [ONE]


@pytest.mark.parametrize(
    ("sign", "last"),
    [
        (said("Hello", began=8_000_000), NOW + timedelta(seconds=8.9)),
        (event(us=9_000_000), NOW + 9 * SECOND),
        (used(5, at=NOW + 10 * SECOND), NOW + 10 * SECOND),
        (seen("web-1", NOW + 11 * SECOND), NOW + 11 * SECOND),
        (said(None, began=None), NOW),
    ],
)
async def test_it_ended_with_its_last_sign_of_life(store: CallStore, sign: object, last: object) -> None:
    await store.apply([started(), sign])  # type: ignore[list-item]
    assert await store.end_crashed(NOW + DAY) == [ONE]
    (call,) = await store.calls()
    assert call.ended_at == last


async def test_a_process_that_told_nothing_of_itself_is_judged_by_its_calls(store: CallStore) -> None:
    await store.apply([started(ONE), started(TWO), used(5, sid=TWO, at=LATER), used(5, sid=THREE, at=LATER)])
    assert await store.end_crashed(LATER) == [ONE]


async def test_the_end_that_a_slow_process_tells_at_last_is_believed(store: CallStore) -> None:
    await store.apply([started()])
    assert await store.end_crashed(NOW + DAY) == [ONE]
    await store.apply([ended()])
    (call,) = await store.calls()
    assert (call.reason, call.ended_at) == ("caller_hung_up", NOW + 60 * SECOND)


async def test_of_several_that_ask_at_once_one_gets_each_call(store: CallStore, where: StoreUrl) -> None:
    await store.apply([started(f"CA{number:02d}") for number in range(20)])
    others = [CallStore(where) for _ in range(3)]
    try:
        found = await asyncio.gather(*(one.end_crashed(NOW + DAY) for one in others))
    finally:
        for one in others:
            await one.close()
    assert sorted(sid for sids in found for sid in sids) == [f"CA{number:02d}" for number in range(20)]
