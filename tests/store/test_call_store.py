"""The call store: what is written to it is found in it, on both databases."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import SQLAlchemyError

from bot.call.facts import TurnFact, UsageFact
from bot.store.call_store import CallStore
from bot.store.results import Filters, OpenOwner, StoredCall
from bot.store.rows import CallStarted, EventKept, Row, UsageKept
from bot.store.sql.reading import in_spoken_order
from bot.store.urls import StoreError, StoreUrl
from tests.store.row_samples import (
    DAY,
    HASH,
    NOW,
    ONE,
    OTHER_HASH,
    SECOND,
    THREE,
    TWO,
    ended,
    event,
    kept,
    said,
    seen,
    started,
    used,
    whole_call,
)


async def stored(store: CallStore, sid: str = ONE) -> StoredCall:
    found = await store.call(sid)
    assert found is not None
    return found


async def sids(store: CallStore, filters: Filters) -> list[str]:
    return [call.sid for call in await store.calls(filters)]


# ---- writing ----


async def test_a_whole_call_is_found_as_it_was_told(store: CallStore) -> None:
    await store.apply(whole_call())
    found = await stored(store)
    summary = found.summary
    assert (summary.sid, summary.started_at, summary.ended_at) == (ONE, NOW, NOW + 60 * SECOND)
    assert (summary.reason, summary.seconds, summary.owner) == ("caller_hung_up", 60.0, "web-1")
    assert (summary.caller, summary.called, summary.caller_hash) == ("+*********42", "+*********99", HASH)
    assert (summary.model, summary.settings_digest) == ("gpt-realtime-2.1", "d1g357")
    assert (summary.turns, summary.interruptions, summary.lost) == (2, 1, 3)
    assert summary.waits == {"greeting_heard": 612.5, "byte_heard_p50": 720.0}
    assert summary.tokens == {"input_text": 250, "output_audio": 65, "input_audio": 10}
    assert (summary.model_nano_usd, summary.transcription_nano_usd) == (3_500_000, 30_000)
    assert (summary.line_nano_usd, summary.nano_usd) == (8_500_000, 12_030_000)
    assert [turn.text for turn in found.turns] == ["Hello, how can I help?", "When are you open?", "We open at"]
    assert (found.turns[2].cut, found.turns[2].unheard) == (True, " nine.")
    rows = whole_call()
    assert found.usages == [row for row in rows if isinstance(row, UsageKept)]
    assert found.events == [event(1)]
    assert found.files == [kept(f"/recordings/{ONE}.call.jsonl")]


async def test_the_same_rows_again_change_nothing(store: CallStore) -> None:
    await store.apply(whole_call())
    before = await stored(store)
    await store.apply(whole_call())
    for row in whole_call():
        await store.apply([row])
    assert await stored(store) == before


@pytest.mark.parametrize("seed", range(4))
async def test_rows_may_come_in_any_order_and_by_twos_and_threes(store: CallStore, seed: int) -> None:
    await store.apply(whole_call())
    rows, shuffle = whole_call(TWO), random.Random(seed)
    shuffle.shuffle(rows)
    while rows:
        batch, rows = rows[:3], rows[3:]
        await store.apply(batch)
    one, two = await stored(store, ONE), await stored(store, TWO)
    assert [turn.text for turn in two.turns] == [turn.text for turn in one.turns]
    assert [row.usage for row in two.usages] == [row.usage for row in one.usages]
    same = {name: getattr(one.summary, name) for name in one.summary.__struct_fields__ if name != "sid"}
    assert {name: getattr(two.summary, name) for name in same} == same


@pytest.mark.parametrize("row", whole_call()[1:], ids=lambda row: type(row).__name__)
async def test_one_row_of_a_call_that_is_not_known_makes_it_known(store: CallStore, row: Row) -> None:
    await store.apply([row])
    (call,) = await store.calls()
    assert (call.sid, call.started_at) == (ONE, NOW)


async def test_a_turn_is_replaced_and_never_loses_words_to_an_older_row(store: CallStore) -> None:
    await store.apply([said(None, began=None)])
    assert (await stored(store)).turns == [said(None, began=None).turn]
    await store.apply([said("Good evening.", began=700_000)])
    await store.apply([said(None, began=None)])
    assert (await stored(store)).turns == [said("Good evening.", began=700_000).turn]


async def test_a_later_row_goes_over_an_earlier_one_of_the_same_batch(store: CallStore) -> None:
    await store.apply([said("Good"), used(5), event(us=1), said("Good evening."), used(7), event(us=2)])
    found = await stored(store)
    assert ([turn.text for turn in found.turns], found.summary.nano_usd) == (["Good evening."], 7)
    assert [one.us for one in found.events] == [2]


async def test_an_empty_batch_is_no_transaction(where: StoreUrl) -> None:
    store = CallStore(where)  # without tables any statement would fail
    await store.apply([])
    await store.close()


async def test_a_batch_is_written_whole_or_not_at_all(store: CallStore) -> None:
    with pytest.raises((TypeError, SQLAlchemyError)):
        await store.apply([said("Hello"), ended(at=datetime(2026, 11, 22, 12))])
    with pytest.raises((OverflowError, SQLAlchemyError)):
        await store.apply([said("Hello"), used(2**63)])
    assert await store.calls() == []


async def test_no_error_repeats_what_was_said(store: CallStore) -> None:
    await store.apply([started()])
    for rows in ([said("a secret", 2**63)], [said("a secret", None)]):  # type: ignore[arg-type]
        with pytest.raises((OverflowError, TypeError, SQLAlchemyError)) as caught:
            await store.apply(rows)
        assert "a secret" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


async def test_more_rows_than_a_batch_are_written(store: CallStore) -> None:
    await store.apply([said(f"word {number}", number, began=number) for number in range(2500)])
    assert len(await store.conversation(ONE)) == 2500


@pytest.mark.parametrize("text", ["nul \0 inside", "half \ud83d of a pair", "<b>&'\";--", "日本語 🎧", "\\u0000"])
async def test_any_text_can_be_stored(store: CallStore, text: str) -> None:
    await store.apply([said(text), EventKept(ONE, 1, 0, "odd", "info", {text: [text]})])
    found = await stored(store)
    expected = text.replace("\0", "\ufffd").replace("\ud83d", "?")
    assert found.turns[0].text == expected
    assert found.events[0].details == {expected: [expected]}


async def test_times_come_back_in_utc_whatever_their_zone(store: CallStore) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    await store.apply([started(at=datetime(2026, 11, 22, 17, 30, 0, 123456, tzinfo=india))])
    (call,) = await store.calls()
    assert (call.started_at, call.started_at.tzinfo) == (NOW.replace(microsecond=123456), UTC)


async def test_a_call_that_another_process_carries_on_after_a_crash_goes_on(store: CallStore) -> None:
    await store.apply([started(), said("Hello")])
    assert await store.end_crashed(NOW + DAY) == [ONE]
    await store.apply([started()])  # the dead process's own row, written again
    assert (await stored(store)).summary.reason == "crashed"
    await store.apply([started(at=NOW + 10 * SECOND, owner="web-2")])
    summary = (await stored(store)).summary
    assert (summary.reason, summary.ended_at, summary.owner, summary.started_at) == ("", None, "web-2", NOW)


async def test_what_is_said_of_a_call_is_not_lost_to_a_start_that_knows_less(store: CallStore) -> None:
    await store.apply([started(), CallStarted(ONE, NOW + SECOND, "web-1")])
    (call,) = await store.calls()
    assert (call.caller_hash, call.model, call.started_at) == (HASH, "gpt-realtime-2.1", NOW)


@given(
    st.lists(
        st.tuples(st.sampled_from([ONE, TWO]), st.integers(1, 4), st.integers(0, 10**12), st.integers(0, 3)),
        max_size=12,
    ),
    st.integers(1, 5),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_sums_of_a_call_are_those_of_its_usages(
    store: CallStore, rows: list[tuple[str, int, int, int]], size: int
) -> None:
    """Also across examples: each goes over what the ones before it have stored."""
    usages = [
        used(money, number, sid=sid, kind="response" if number % 2 else "transcription", tokens={"a": count, "b": 1})
        for sid, number, money, count in rows
    ]
    for first in range(0, len(usages), size):
        await store.apply(usages[first : first + size])
    for call in await store.calls():
        facts: list[UsageFact] = [row.usage for row in (await stored(store, call.sid)).usages]
        assert call.model_nano_usd == sum(fact.nano_usd for fact in facts if fact.kind == "response")
        assert call.transcription_nano_usd == sum(fact.nano_usd for fact in facts if fact.kind == "transcription")
        assert call.nano_usd == call.model_nano_usd + call.transcription_nano_usd
        assert call.tokens.get("a", 0) == sum(fact.tokens["a"] for fact in facts)
        assert call.tokens["b"] == len(facts)


# ---- reading ----


async def test_calls_come_newest_first_and_are_filtered(store: CallStore) -> None:
    await store.apply([
        *(started(ONE), ended(ONE), used(100, sid=ONE)),
        *(started(TWO, NOW + DAY, caller_hash=OTHER_HASH), ended(TWO, NOW + DAY + SECOND, "idle", line=5_000)),
        *(started(THREE, NOW + 2 * DAY), used(700, sid=THREE)),
    ])  # fmt: skip
    assert await sids(store, Filters()) == [THREE, TWO, ONE]
    assert await sids(store, Filters(limit=2)) == [THREE, TWO]
    assert await sids(store, Filters(since=NOW + DAY)) == [THREE, TWO]
    assert await sids(store, Filters(until=NOW + DAY)) == [ONE]
    assert await sids(store, Filters(since=NOW, until=NOW + 2 * DAY)) == [TWO, ONE]
    assert await sids(store, Filters(caller_hash=HASH)) == [THREE, ONE]
    assert await sids(store, Filters(caller_hash=HASH, since=NOW + DAY)) == [THREE]
    assert await sids(store, Filters(reason="idle")) == [TWO]
    assert await sids(store, Filters(reason="")) == [THREE]
    assert await sids(store, Filters(min_nano_usd=700)) == [THREE, TWO]
    assert await sids(store, Filters(min_nano_usd=701)) == [TWO]
    assert await sids(store, Filters(before=THREE)) == [TWO, ONE]
    assert await sids(store, Filters(before=ONE)) == []


async def test_pages_hold_every_call_once_also_those_of_one_moment(store: CallStore) -> None:
    await store.apply([started(f"CA{number:03d}") for number in range(25)])
    seen_sids: list[str] = []
    while page := await sids(store, Filters(limit=4, before=seen_sids[-1] if seen_sids else None)):
        seen_sids += page
    assert seen_sids == [f"CA{number:03d}" for number in reversed(range(25))]


async def test_a_call_that_goes_on_counts_what_is_stored_so_far(store: CallStore) -> None:
    await store.apply([row for row in whole_call() if type(row).__name__ != "CallEnded"])
    (call,) = await store.calls()
    assert (call.turns, call.interruptions, call.ended_at, call.reason) == (3, 1, None, "")


async def test_a_call_is_found_by_the_beginning_of_its_sid_when_it_is_the_only_one(store: CallStore) -> None:
    await store.apply([started("CAaaa1"), started("CAaaa2"), started("CAbbb"), started("CAbbbb")])
    assert (await stored(store, "CAaaa1")).summary.sid == "CAaaa1"
    assert (await stored(store, "CAbbb")).summary.sid == "CAbbb"  # whole, though another begins with it
    assert await store.call("caaaa1") is None
    assert await store.call("CA_aa1") is None
    assert await store.call("") is None
    with pytest.raises(StoreError, match="Several calls begin with CAaaa, such as CAaaa1 and CAaaa2; give more"):
        await store.call("CAaaa")


async def test_a_call_that_is_not_there_is_none(store: CallStore) -> None:
    assert await store.call(ONE) is None
    assert await store.conversation(ONE) == []
    assert await store.calls() == []
    assert await store.spent_since(NOW) == 0
    assert await store.open_owners() == []


async def test_turns_come_in_spoken_order_though_numbered_otherwise(store: CallStore) -> None:
    await store.apply([said("third", 1, began=9_000), said("first", 2, began=0), said("second", 3, began=5_000)])
    assert [turn.text for turn in await store.conversation(ONE)] == ["first", "second", "third"]


def test_a_turn_without_a_time_stays_behind_the_one_numbered_before_it() -> None:
    turns = [TurnFact(n, "bot", f"i{n}", began_us=began) for n, began in [(1, None), (2, 500), (3, None), (4, 100)]]
    assert [turn.number for turn in in_spoken_order(turns)] == [1, 4, 2, 3]


async def test_what_was_spent_since_a_moment_is_counted_over_all_calls(store: CallStore) -> None:
    await store.apply([
        *(started(ONE), used(1, 1, at=NOW - SECOND), used(20, 2, at=NOW), used(300, 3, kind="transcription", at=NOW)),
        *(started(TWO, owner="web-2"), used(4_000, 1, sid=TWO, at=NOW + DAY)),
        *(ended(TWO, NOW + DAY, line=50_000), ended(THREE, NOW - SECOND, line=600_000)),
    ])  # fmt: skip
    assert await store.spent_since(NOW) == 54_320
    assert await store.spent_since(NOW + DAY) == 54_000
    assert await store.spent_since(NOW - DAY) == 654_321


async def test_owners_of_calls_that_go_on_are_told_with_their_last_sign_of_life(store: CallStore) -> None:
    await store.apply([
        *(started(ONE, owner="web-1"), seen("web-1", NOW + SECOND), seen("web-1", NOW)),
        *(started(TWO, owner="web-2"), started(THREE, owner="web-3"), ended(THREE)),
    ])  # fmt: skip
    assert await store.open_owners() == [OpenOwner("web-1", "machine-1", NOW + SECOND), OpenOwner("web-2", "", None)]


# ---- two at a time ----


async def test_two_writers_of_one_call_both_count(store: CallStore, where: StoreUrl) -> None:
    import asyncio

    other = CallStore(where, now=lambda: NOW)
    try:
        await asyncio.gather(*[
            one.apply([used(10, number, tokens={"a": 1}), used(1, number, sid=TWO, tokens={"a": 1})])
            for number in range(20)
            for one in [store, other][number % 2 : number % 2 + 1]
        ])  # fmt: skip
    finally:
        await other.close()
    money = {call.sid: (call.nano_usd, call.tokens) for call in await store.calls()}
    assert money == {ONE: (200, {"a": 20}), TWO: (20, {"a": 20})}
