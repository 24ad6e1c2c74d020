"""A call that goes on after it had ended, on another stream; in whatever order the rows come."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from msgspec.structs import replace

from bot.call.settings import CallSettings, SecretRules, ToolRules
from bot.server.shared.resumption import DIGITS_IN_DOUBT, carrying_on, past_in_store
from bot.store.call_store import CallStore
from bot.store.results import Filters, Retention
from bot.store.rows import CallEnded, CallStarted, CallTransferred, EventKept, Row
from tests.store.row_samples import NOW

SID = "CA" + "7" * 32
FIRST = CallStarted(SID, NOW, "here", caller="+*********01")
BROKEN = CallEnded(SID, NOW + timedelta(seconds=9), "line_lost", 9.0, turns=3)
SECOND = CallStarted(SID, NOW, "there", leg=1)
OVER = CallEnded(SID, NOW + timedelta(seconds=20), "caller_hung_up", 20.0, turns=7, leg=1)


async def summary(store: CallStore) -> tuple[str, str, int, float, str]:
    found = await store.so_far(SID)
    assert found is not None
    call = found.summary
    assert found.turns == []
    assert (call.ended_at is None) == (call.reason == "")
    return call.reason, call.owner, call.leg, call.seconds, call.caller


@pytest.mark.parametrize("rows", list(permutations([FIRST, BROKEN, SECOND])))
async def test_a_call_that_is_carried_on_is_going_on(store: CallStore, rows: list[Row]) -> None:
    await store.apply([FIRST])
    for row in rows:
        await store.apply([row])
    assert await summary(store) in {("", "there", 1, 9.0, "+*********01"), ("", "there", 1, 0.0, "+*********01")}


async def test_it_goes_on_when_all_comes_in_one_batch_and_comes_twice(store: CallStore) -> None:
    for _ in range(2):
        await store.apply([FIRST, BROKEN, SECOND])
        assert (await summary(store))[:3] == ("", "there", 1)


async def test_the_end_of_the_last_stream_is_the_end_of_the_call(store: CallStore) -> None:
    await store.apply([FIRST, BROKEN, SECOND])
    await store.apply([OVER])
    await store.apply([BROKEN])  # late, or once more
    assert await summary(store) == ("caller_hung_up", "there", 1, 20.0, "+*********01")


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_the_first_stream_waited_for_is_still_known(store: CallStore, *, at_once: bool) -> None:
    first = replace(BROKEN, waits={"greeting_heard": 612.0, "clear_p50": 1.0})
    last = replace(OVER, waits={"clear_p50": 2.0})
    for rows in [[FIRST, first, SECOND, last]] if at_once else [[FIRST], [first], [SECOND], [last], [last]]:
        await store.apply(rows)
    found = await store.so_far(SID)
    assert found is not None
    assert found.summary.waits == {"greeting_heard": 612.0, "clear_p50": 2.0}


async def test_a_call_that_was_put_through_says_so_once_it_had_ended(store: CallStore) -> None:
    await store.apply([FIRST, CallTransferred(SID)])
    assert (await summary(store))[0] == ""
    await store.apply([BROKEN, CallTransferred(SID)])
    assert (await summary(store))[0] == "transferred"


async def test_who_carries_a_call_on_has_its_profile_and_its_own_texts(store: CallStore) -> None:
    own = {"BOT_GREETING": "Hello, Ann."}
    await store.apply([replace(FIRST, profile="clinic", changes=own), BROKEN])
    found = await store.so_far(SID)
    assert found is not None
    assert (found.summary.profile, found.changes) == ("clinic", own)
    await store.apply([SECOND])  # by a version that knows of neither
    assert [call.profile for call in await store.calls(Filters(profile="clinic"))] == ["clinic"]
    assert await store.calls(Filters(profile="shop")) == []
    assert await store.calls(Filters(profile="")) == []


async def test_the_texts_of_a_call_are_kept_as_long_as_its_words(store: CallStore) -> None:
    await store.apply([replace(FIRST, profile="clinic", changes={"BOT_GREETING": "Hello, Ann."}), BROKEN])
    await store.purge(NOW + timedelta(days=91), Retention(transcripts_days=90))
    found = await store.so_far(SID)
    assert found is not None
    assert (found.summary.profile, found.changes) == ("clinic", {})


async def test_a_token_is_claimed_once(store: CallStore) -> None:
    assert not await store.claimed("ab")
    assert [await store.claim("ab"), await store.claim("ab"), await store.claim("cd")] == [True, False, True]
    assert await store.claimed("ab")


async def test_of_a_call_that_nobody_knows_nothing_is_said(store: CallStore) -> None:
    assert await store.so_far(SID) is None


def event(number: int, name: str, **details: object) -> EventKept:
    return EventKept(SID, number, number, name, "info", details)


@pytest.mark.parametrize(
    ("events", "used"),
    [
        ([event(1, "tool_called", tool="pay")], ("pay",)),
        ([event(1, "tool_called", tool="pay"), event(2, "tool_done", tool="pay", ok=False)], ("pay",)),
        ([event(1, "tool_called", tool="pay"), event(2, "tool_done", tool="pay", ok=False, ran=False)], ()),
        ([event(1, "tool_called", tool="pay"), event(2, "tool_called", tool="book", server="theirs")], ("pay",)),
    ],
    ids=["it runs", "it failed", "it was asked wrongly", "another is of a remote server"],
)
async def test_who_carries_a_call_on_knows_the_tools_that_have_run(
    store: CallStore, events: list[Row], used: tuple[str, ...]
) -> None:
    await store.apply([FIRST, *events])
    found = await store.so_far(SID)
    assert found is not None
    assert (found.used_tools, past_in_store(found).used) == (used, used)
    settings = CallSettings(tools=(ToolRules("pay", once=True), ToolRules("look_up")))
    carried = carrying_on(settings, past_in_store(found), NOW.timestamp())
    assert [one.name for one in carried.tools if one.ran] == list(used)


@pytest.mark.parametrize(
    ("names", "left"),
    [((), False), (("digits_sent",), True), (("digits_sent", "stream_back"), False)],
)
async def test_who_carries_a_call_on_knows_that_keys_may_have_been_pressed(
    store: CallStore, names: tuple[str, ...], *, left: bool
) -> None:
    await store.apply([FIRST, *(event(number, name) for number, name in enumerate(names))])
    found = await store.so_far(SID)
    assert found is not None
    assert (found.left_for_digits, past_in_store(found).told) == (left, DIGITS_IN_DOUBT if left else "")


async def test_who_carries_a_call_on_gives_no_further_tries_at_digits_for_a_tool(store: CallStore) -> None:
    asked = [event(number, "secret_asked", tool="pay") for number in range(1, 3)]
    await store.apply([FIRST, *asked])
    found = await store.so_far(SID)
    assert found is not None
    settings = CallSettings(
        tools=(ToolRules("pay", secret=SecretRules(tries=3)), ToolRules("pin", secret=SecretRules()))
    )
    carried = carrying_on(settings, past_in_store(found), NOW.timestamp())
    assert [one.secret.tries for one in carried.tools if one.secret] == [1, 3]
