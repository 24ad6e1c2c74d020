"""The outbox in the store: what enters it with the rows of a call, who takes it, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from bot.store.call_store import CallStore
from bot.store.results import CallResult, OutboxItem, Retention
from bot.store.rows import CRASHED, LATER, CallAnswered, CallEnded, CallStarted, CallTransferred, EventKept
from bot.store.sql.announcing import ASK, WEBHOOKS
from bot.store.urls import StoreUrl
from tests.store.row_samples import DAY, HASH, NOW, ONE, SECOND, TWO, ended, said, started, used, whole_call

MINUTE = timedelta(minutes=1)
EVERYTHING = WEBHOOKS | {ASK}


class Clock:
    at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def told(store: CallStore, where: StoreUrl, clock: Clock) -> AsyncIterator[CallStore]:
    """The same store, which announces everything."""
    opened = CallStore(where, now=clock, announced=EVERYTHING)
    yield opened
    await opened.close()


async def kinds(store: CallStore, *states: str, sid: str = ONE) -> list[str]:
    return sorted(item.kind for item in await store.outbox(*(states or ("waiting",)), call_sid=sid))


def dialled(number: int = LATER + 1) -> EventKept:
    return EventKept(ONE, number, 0, "dialled", "info", {"status": "completed", "seconds": 12})


def carried_on(leg: int = 1, owner: str = "web-1") -> CallStarted:
    return CallStarted(ONE, NOW, owner, "+*********42", HASH, leg=leg)


async def taken(store: CallStore, limit: int = 10, *, asks: bool = False) -> list[OutboxItem]:
    return await store.claim_due(MINUTE, limit, asks=asks)


# ---- what enters it ----


async def test_a_caller_who_hangs_up_before_anybody_takes_them_was_not_transferred(told: CallStore) -> None:
    await told.apply([*whole_call(), CallTransferred(ONE, "caller_hung_up")])
    assert await kinds(told) == ["call.ended", "call.started", "result"]
    call = await told.call(ONE)
    assert call is not None
    assert call.summary.reason == "caller_hung_up"


async def test_the_end_of_a_call_for_a_transfer_is_told_once_its_caller_can_be_back_no_more(
    told: CallStore, clock: Clock
) -> None:
    await told.apply([started(), ended(reason="transferred")])
    clock.at += timedelta(seconds=179)
    assert "call.ended" not in [one.kind for one in await taken(told)]
    await told.apply([carried_on()])
    assert "call.ended" not in await kinds(told)


async def test_a_call_enters_what_is_to_be_told_with_its_rows(told: CallStore) -> None:
    await told.apply([started()])
    assert await kinds(told) == ["call.started"]
    await told.apply(whole_call())
    assert await kinds(told) == ["call.ended", "call.started", "result"]
    await told.apply([dialled(), CallTransferred(ONE)])
    assert await kinds(told) == ["call.dialled", "call.ended", "call.started", "call.transferred", "result"]


async def test_rows_that_come_again_enter_nothing_again(told: CallStore) -> None:
    rows = [*whole_call(), dialled(), CallTransferred(ONE)]
    for _ in range(3):
        await told.apply(rows)
    before = await told.outbox("waiting")
    assert len(before) == 5
    for row in rows:
        await told.apply([row])
    assert await told.outbox("waiting") == before


async def test_a_store_that_is_to_announce_nothing_does_not(store: CallStore) -> None:
    await store.apply([*whole_call(), dialled(), CallTransferred(ONE)])
    assert await store.outbox("waiting", "delivered", "failed") == []


async def test_who_answered_a_call_that_the_bot_made_is_told_once(told: CallStore) -> None:
    await told.apply([started(), CallAnswered(ONE, "uncertain", first=True), CallAnswered(ONE, "machine")])
    await told.apply([CallAnswered(ONE, "machine")])
    assert await kinds(told) == ["call.dialled", "call.started"]


async def test_two_attempts_at_ringing_somebody_are_told_apart(told: CallStore) -> None:
    await told.apply([*whole_call(), dialled(), dialled(LATER + 2), dialled()])
    numbers = [item.number for item in await told.outbox("waiting") if item.kind == "call.dialled"]
    assert sorted(numbers) == [LATER + 1, LATER + 2]


@pytest.mark.parametrize("reason", ["line_lost", "drained", "caller_hung_up"])
async def test_an_end_that_may_be_none_waits_and_is_taken_back_when_the_call_goes_on(
    told: CallStore, clock: Clock, reason: str
) -> None:
    await told.apply([started(), ended(reason=reason)])
    (start,) = await taken(told)
    await told.settle(start, "delivered")
    await told.apply([carried_on()])
    assert await kinds(told) == []
    clock.at += 60 * SECOND
    assert await taken(told) == []


async def test_an_old_end_that_is_told_again_after_the_call_went_on_enters_nothing(told: CallStore) -> None:
    await told.apply([started(), ended(reason="line_lost"), carried_on()])
    await told.apply([ended(reason="line_lost")])
    assert await kinds(told) == ["call.started"]


async def test_each_end_of_a_call_that_was_carried_on_after_it_was_told_is_told(told: CallStore, clock: Clock) -> None:
    await told.apply([started(), ended(reason="line_lost")])
    clock.at += 60 * SECOND
    for item in await taken(told):
        await told.settle(item, "delivered")
    await told.apply([carried_on()])
    await told.apply([CallEnded(ONE, NOW + 90 * SECOND, "bot_hung_up", 90.0, leg=1)])
    ends = [item for item in await told.outbox("waiting", "delivered") if item.kind == "call.ended"]
    assert len({item.id for item in ends}) == 2


async def test_a_certain_end_is_due_at_once(told: CallStore) -> None:
    await told.apply([started(), ended(reason="bot_hung_up")])
    assert sorted(item.kind for item in await taken(told)) == ["call.ended", "call.started"]


async def test_the_end_of_a_crashed_call_is_told_once_it_is_certain(told: CallStore, clock: Clock) -> None:
    await told.apply([started(), said("Hello?")])
    assert await told.end_crashed(NOW, ["web-1"]) == [ONE]
    assert await kinds(told) == ["call.ended", "call.started", "result"]
    assert [item.kind for item in await taken(told)] == ["call.started"]
    clock.at += 46 * SECOND
    (end,) = await taken(told)
    assert end.kind == "call.ended"
    found = await told.call(ONE)
    assert found is not None
    assert found.summary.reason == CRASHED


# ---- who takes it ----


async def test_of_many_who_ask_at_once_one_gets_each(told: CallStore, where: StoreUrl, clock: Clock) -> None:
    sids = [f"CA{number:032d}" for number in range(40)]
    await told.apply([started(sid) for sid in sids])
    others = [CallStore(where, now=clock, announced=EVERYTHING) for _ in range(3)]
    found = [item for one in await asyncio.gather(*(taken(store, 15) for store in (told, *others))) for item in one]
    while more := await taken(told, 15):
        found += more
    for other in others:
        await other.close()
    assert sorted(item.call_sid for item in found) == sids


async def test_what_its_taker_never_settled_comes_again_after_the_lease(told: CallStore, clock: Clock) -> None:
    await told.apply([started()])
    (first,) = await taken(told)
    assert await taken(told) == []
    clock.at += MINUTE
    (again,) = await taken(told)
    assert (again.id, first.attempts, again.attempts) == (first.id, 1, 2)


async def test_a_failed_attempt_comes_again_with_the_same_id_when_it_is_due(told: CallStore, clock: Clock) -> None:
    await told.apply([started()])
    (first,) = await taken(told)
    await told.settle(first, "waiting", "the answer is 500", timedelta(seconds=30))
    clock.at += 29 * SECOND
    assert await taken(told) == []
    clock.at += SECOND
    (again,) = await taken(told)
    assert (again.id, again.attempts, again.why) == (first.id, 2, "the answer is 500")


async def test_webhooks_and_requests_for_results_are_taken_apart(told: CallStore) -> None:
    await told.apply([started(), said("Hello."), ended(reason="bot_hung_up")])
    assert [item.kind for item in await taken(told, asks=True)] == ["result"]
    assert sorted(item.kind for item in await taken(told)) == ["call.ended", "call.started"]


async def test_what_is_postponed_counts_no_attempt(told: CallStore, clock: Clock) -> None:
    await told.apply([started(), ended(reason="bot_hung_up")])
    (item,) = await taken(told, asks=True)
    await told.postpone(item, MINUTE)
    assert await taken(told, asks=True) == []
    clock.at += MINUTE
    (again,) = await taken(told, asks=True)
    assert again.attempts == 1


async def test_what_was_given_up_stays_and_is_sent_again_by_command(told: CallStore, clock: Clock) -> None:
    await told.apply([started(), started(TWO)])
    for item in await taken(told):
        await told.settle(item, "failed", "the answer is 410")
    clock.at += 30 * DAY
    assert await taken(told) == []
    assert await told.outbox_sizes() == {"failed": 2}
    assert await told.send_again(ONE) == 1
    (again,) = await taken(told)
    assert (again.call_sid, again.attempts, again.created_at) == (ONE, 1, clock.at)
    assert await told.send_again() == 1
    assert await told.send_again() == 0


# ---- results ----

RESULT = CallResult(
    at=NOW, model="gpt-5.6-luna", summary="They booked.", disposition="resolved", fields={"booked": True}
)


async def test_a_result_is_stored_beside_the_record_paid_for_and_told(told: CallStore) -> None:
    await told.apply(whole_call())
    before = await told.call(ONE)
    assert before is not None
    item = next(one for one in before.outbox if one.kind == ASK)
    await told.keep_result(item, RESULT, used(40_000, LATER + 1, kind="result", tokens={"text_in": 100}))
    after = await told.call(ONE)
    assert after is not None
    assert after.result == RESULT
    assert after.summary.result_nano_usd == 40_000
    assert after.summary.nano_usd == before.summary.nano_usd + 40_000
    assert after.summary.tokens["text_in"] == 100
    assert after.summary.reason == before.summary.reason
    assert await kinds(told) == ["call.ended", "call.result", "call.started"]
    assert await told.spent_since(NOW - DAY) == after.summary.nano_usd


async def test_an_end_that_is_told_again_keeps_what_the_result_cost(told: CallStore) -> None:
    await told.apply(whole_call())
    (item,) = (one for one in await told.outbox("waiting") if one.kind == ASK)
    await told.keep_result(item, RESULT, used(40_000, LATER + 1, kind="result", tokens={}))
    before = await told.call(ONE)
    await told.apply(whole_call())
    assert await told.call(ONE) == before


async def test_a_result_that_comes_for_a_forgotten_call_is_thrown_away(told: CallStore) -> None:
    await told.apply(whole_call())
    (item,) = (one for one in await told.outbox("waiting") if one.kind == ASK)
    await told.forget(HASH)
    await told.keep_result(item, RESULT, used(40_000, LATER + 1, kind="result", tokens={}))
    assert await told.call(ONE) is None
    assert await told.outbox("waiting", "delivered", "failed") == []


# ---- forgetting ----


async def test_forgetting_a_caller_reaches_the_outbox_and_the_result(told: CallStore, where: StoreUrl) -> None:
    path = where.record_dir / f"{ONE}.call.jsonl"
    path.mkdir(parents=True)  # it can't be erased as a file: the call keeps a row
    from tests.store.row_samples import kept

    await told.apply([*whole_call(), kept(str(path))])
    (item,) = (one for one in await told.outbox("waiting") if one.kind == ASK)
    await told.keep_result(item, RESULT, used(40_000, LATER + 1, kind="result", tokens={}))
    gone = await told.forget(HASH)
    assert gone.failed
    found = await told.call(ONE)
    assert found is not None
    assert (found.outbox, found.result, found.summary.nano_usd) == ([], None, 0)


async def test_a_purge_takes_the_words_of_a_result_and_what_was_delivered_long_ago(told: CallStore) -> None:
    await told.apply(whole_call())
    items = {item.kind: item for item in await told.outbox("waiting")}
    await told.keep_result(items[ASK], RESULT, used(1, LATER + 1, kind="result", tokens={}))
    await told.settle(items["call.started"], "delivered")
    await told.settle(items["call.ended"], "failed", "the answer is 500")
    await told.purge(NOW + 8 * DAY, Retention(transcripts_days=7))
    found = await told.call(ONE)
    assert found is not None
    assert found.result is not None
    assert (found.result.summary, found.result.fields, found.result.disposition) == ("", {}, "resolved")
    assert sorted((item.kind, item.state) for item in found.outbox) == [
        ("call.ended", "failed"),
        ("call.result", "waiting"),
    ]


# ---- what is told ----


async def test_the_story_of_a_call_is_its_record_read_in_slices(
    told: CallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.sql.reading.SLICE", 2)
    monkeypatch.setattr("bot.store.sql.reading.REST_S", 0)
    more = [EventKept(ONE, number, number * 1000, "e", "info", {"n": number}) for number in range(2, 8)]
    await told.apply([*whole_call(), *more, dialled()])
    whole, story = await told.call(ONE), await told.story_of(ONE)
    assert whole is not None
    assert story is not None
    assert (story.summary, story.turns, story.events) == (whole.summary, whole.turns, whole.events)
    assert len(story.events) == 8
    assert await told.story_of(TWO) is None
