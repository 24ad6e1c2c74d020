"""Cost of a call as it goes by, and how near that is to a cap."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from bot.call.call import Call, Input
from bot.call.conversation.goodbye import PURPOSE
from bot.call.facts import UsageFact
from bot.call.inputs import DailySpend, ModelClosed, SessionWaiting
from bot.call.rule import NEVER_US
from bot.call.rules.spend_cap import level
from bot.call.settings import CallSettings, Money
from bot.realtime import events
from bot.realtime.session import SessionSettings
from bot.realtime.usage import PerMinute, PerToken, Prices
from tests.call.priced_call import CENT, PRICES, USD, billed, heard, purse, spoken_over, used
from tests.call.scripted_call import SESSION, ScriptedCall, changed, created, delta, done, speaks, start, updated

MINUTE = 60_000


def facts(desk: ScriptedCall) -> list[UsageFact]:
    return desk.sent(UsageFact)


def test_every_response_and_every_transcription_is_a_fact_with_its_cost() -> None:
    named = SessionSettings(model="the-model", transcription_model="the-writer")
    desk = ScriptedCall(purse(session=named))
    desk.give(created("R1"), billed("R1", 7), heard("U1", 1.5), created("R2"), billed("R2", 2, "cancelled"))
    assert facts(desk) == [
        UsageFact(1, "response", "R1", "the-model", "completed", {"text_out": 7}, nano_usd=7 * CENT),
        UsageFact(2, "transcription", "U1", "the-writer", seconds=1.5, nano_usd=CENT * 3 // 2),
        UsageFact(3, "response", "R2", "the-model", "cancelled", {"text_out": 2}, nano_usd=2 * CENT),
    ]
    assert desk.call.spent_nano_usd == 10 * CENT + CENT // 2
    assert (desk.call.spending.model_nano_usd, desk.call.spending.transcription_nano_usd) == (9 * CENT, CENT * 3 // 2)


def test_cached_tokens_are_told_apart() -> None:
    desk = ScriptedCall(purse())
    details = {"text_tokens": 30, "audio_tokens": 0, "cached_tokens": 20}
    told = events.Response("R1", "completed", usage={"input_token_details": details})
    desk.give(created("R1"), events.ResponseDone(told))
    assert facts(desk)[0].tokens == {"text_in": 10, "text_cached": 20}
    assert facts(desk)[0].nano_usd == 12 * CENT


@pytest.mark.parametrize("prices", [PerMinute(78_000_000), PRICES, None], ids=["by time", "by tokens", "no price"])
def test_what_xai_tells_at_the_top_level_is_counted(prices: Prices | None) -> None:
    """And the seconds for which it bills, whatever they cost (openai-realtime W8)."""
    money = Money(prices, call_cap=CENT)
    desk = ScriptedCall(CallSettings(money=money, session=SessionSettings(model="grok-voice-latest")))
    told = {
        "usage": {
            "output_tokens": 3,
            "output_token_details": {"text_tokens": 3, "audio_tokens": 0},
            "billable_audio_seconds": 2,
        }
    }
    wire = {
        "type": "response.done",
        "response": {"id": "R1", "status": "completed", "status_details": "unimplemented"},
        **told,
    }
    desk.give(created("R1"), events.parse(json.dumps(wire)))
    cost = {None: 0, PRICES: 3 * CENT}.get(prices, 2_600_000)
    (fact,) = facts(desk)
    assert (fact.tokens, fact.seconds) == ({"text_out": 3}, 2.0)
    assert (fact.nano_usd, fact.priced) == (cost, prices is not None)
    assert desk.call.spending.model_nano_usd == cost


@pytest.mark.parametrize("usage", [None, "x", 5, [], {"input_tokens": "x"}, {"billable_audio_seconds": []}], ids=repr)
def test_a_usage_that_is_none_costs_nothing_but_the_usage(usage: Any) -> None:
    desk = ScriptedCall(purse())
    desk.give(created("R1"))
    response = {"id": "R1", "status": "completed"}
    for place in ({"response": response, "usage": usage}, {"response": {**response, "usage": usage}}):
        desk.give(events.parse(json.dumps({"type": "response.done", **place})))
    assert [fact.nano_usd for fact in facts(desk)] == [0, 0]
    assert desk.call.counts["usage_faults"] == (0 if usage is None else 2)
    assert desk.call.session.responses.active is None


def test_a_response_that_tells_nothing_is_a_fact_that_costs_nothing() -> None:
    desk = ScriptedCall(purse())
    desk.give(created("R1"), done("R1", "cancelled"))
    assert facts(desk) == [UsageFact(1, "response", "R1", "gpt-realtime-2.1", "cancelled")]


def test_what_has_no_price_is_counted_but_costs_nothing_and_says_so() -> None:
    desk = ScriptedCall(CallSettings())
    desk.give(created("R1"), billed("R1", 5), heard("U1", 3))
    assert [(one.tokens, one.seconds, one.nano_usd, one.priced) for one in facts(desk)] == [
        ({"text_out": 5}, 0.0, 0, False),
        ({}, 3.0, 0, False),
    ]
    assert desk.call.spent_nano_usd == 0


def test_nonsense_in_a_usage_is_counted_and_told_and_the_response_is_over_all_the_same() -> None:
    desk = ScriptedCall(purse())
    wrong = {**used(3), "input_tokens": -1, "input_token_details": "x"}
    desk.give(created("R1"), delta("R1", "A", 100))
    desk.give(events.ResponseDone(events.Response("R1", "completed", usage=wrong)))
    assert desk.call.spent_nano_usd == 3 * CENT
    assert desk.call.counts["usage_faults"] == 2
    (report,) = [one for one in desk.reports if one.event == "usage_unclear"]
    assert report.details == {"kind": "response", "ref": "R1", "faults": 2}
    assert not desk.call.session.responses.busy


@pytest.mark.parametrize("usage", ["3", "[1]", '"x"', "null", '{"input_tokens":{"a":[]}}'])
def test_no_usage_keeps_a_response_from_being_seen_to_end(usage: str) -> None:
    desk = ScriptedCall(purse())
    text = f'{{"type":"response.done","response":{{"id":"R1","status":"completed","usage":{usage}}}}}'
    desk.give(created("R1"), delta("R1", "A", 100), events.parse(text))
    assert not desk.call.session.responses.busy
    words = (
        '{"type":"conversation.item.input_audio_transcription.completed","item_id":"U","transcript":"hi","usage":%s}'
    )
    desk.give(events.parse(words % usage))
    assert [one.ref for one in facts(desk)] == ["R1", "U"]


# ---- the line ----


def test_the_line_costs_every_minute_begun_since_the_webhook() -> None:
    desk = ScriptedCall(purse(cents=0, line_cents=3))
    assert desk.call.spending.line_nano_usd == 3 * CENT
    for at, minutes in ((MINUTE - 1, 1), (MINUTE, 2), (2 * MINUTE - 1, 2), (30 * MINUTE, 31)):
        desk.at(at).tick()
        assert desk.call.spending.line_nano_usd == minutes * 3 * CENT
    assert desk.call.spent_nano_usd == 93 * CENT


def test_a_call_no_stream_came_for_paid_no_line() -> None:
    desk = ScriptedCall(purse(line_cents=3), ready=False)
    desk.at(9_000).tick()
    assert desk.call.spent_nano_usd == 0


def test_the_line_alone_can_reach_a_cap_and_wakes_the_call_for_it() -> None:
    desk = ScriptedCall(purse(cents=10, line_cents=4))
    told: dict[str, int] = {}
    while desk.call.deadline_us is not None:  # frames are missing, so the clock is looked at all the time anyway
        before = len(desk.reports)
        desk.at(desk.call.deadline_us / 1000).tick()
        told |= {one.event: desk.now_us // 1000 for one in desk.reports[before:]}
    assert told["spend_limit_near"] == MINUTE
    assert told["spend_limit_reached"] == 2 * MINUTE
    assert (desk.call.ended, desk.now_us // 1000) == ("spend_limit", 2 * MINUTE + 3_000)  # no goodbye, and no session


@pytest.mark.parametrize(("cents", "line_cents", "wakes"), [(0, 3, False), (100, 0, False), (100, 3, True)])
def test_only_a_line_that_can_reach_a_cap_needs_the_clock(cents: int, line_cents: int, wakes: bool) -> None:
    spending = ScriptedCall(purse(cents=cents, line_cents=line_cents)).call.spending
    assert spending.due_us == (60_000_000 if wakes else NEVER_US)


# ---- levels ----


@pytest.mark.parametrize(
    ("spent", "cap", "expected"),
    [(79, 100, 0), (80, 100, 1), (99, 100, 1), (100, 100, 2), (101, 100, 2), (0, 100, 0), (10**12, 0, 0), (1, 1, 2)],
)
def test_how_near_a_cap_is(spent: int, cap: int, expected: int) -> None:
    assert level(spent, cap) == expected


def test_the_nearer_of_two_caps_counts() -> None:
    desk = ScriptedCall(purse(cents=100, day_cents=1_000))
    desk.give(created("R1"), spoken_over("R1", 50), DailySpend(799 * CENT))
    assert desk.call.spending.level == 0
    desk.give(DailySpend(800 * CENT))
    assert desk.call.spending.level == 1
    assert desk.call.spending.described() == {"cap": "day", "call_usd": 0.5, "day_usd": 8.0}
    desk.give(created("R2"), spoken_over("R2", 30))
    assert desk.call.spending.described()["cap"] == "call"
    desk.give(created("R3"), spoken_over("R3", 20))
    assert desk.call.spending.level == 2


def test_without_a_cap_nothing_is_ever_near() -> None:
    desk = ScriptedCall(purse(cents=0))
    desk.give(created("R1"), billed("R1", 10**6), DailySpend(10**9 * USD))
    assert desk.call.spending.level == 0
    assert [one.event for one in desk.reports if one.event.startswith("spend")] == []


def test_prices_and_caps_stand_in_the_settings_a_fixture_keeps() -> None:
    settings = purse(day_cents=5, line_cents=1)
    assert msgspec.json.decode(msgspec.json.encode(settings), type=CallSettings) == settings
    older = msgspec.json.encode({"greeting": "Hello."})
    assert msgspec.json.decode(older, type=CallSettings).money == Money()


def test_a_call_cut_off_costs_what_is_known_of_it() -> None:
    settings = changed(purse(), money=Money(PerToken(text_out=CENT)))
    desk = ScriptedCall(settings)
    desk.give(created("R1"), delta("R1", "A", 500), speaks(), billed("R1", 4, "cancelled"))
    assert desk.call.spent_nano_usd == 4 * CENT


def test_what_was_spent_while_there_was_no_session_has_the_next_one_say_goodbye_and_nothing_before() -> None:
    desk = ScriptedCall(purse(cents=100))
    desk.give(created("R1"), ModelClosed("closed", 1006), SessionWaiting(), events.SessionCreated(SESSION))
    desk.give(heard("A", 200))
    asked = [one for one in desk.give(updated()) if one.startswith("create")]
    assert asked == ["create ['max_output_tokens', 'metadata', 'tool_choice']"]
    assert desk.call.goodbye.closing


SPENT = billed("R1", 200, "failed")
NEVER_READY: list[Input] = [start(), SPENT]
LOST: list[Input] = [
    *(events.SessionCreated(SESSION), updated(), created("R1"), SPENT, ModelClosed("closed", 1006)),
    *(start(), SessionWaiting(), events.SessionCreated(SESSION)),
]


@pytest.mark.parametrize("greeting", ["", "Hello."])
@pytest.mark.parametrize("before", [NEVER_READY, LOST], ids=["a session never ready", "a session lost"])
def test_a_call_whose_money_is_spent_before_anybody_hears_it_greets_nobody(greeting: str, before: list[Input]) -> None:
    call = Call(changed(purse(cents=100), greeting=greeting))
    for one in before:
        call.receive(one, 0)
    asked = [one.response for one in call.receive(updated(), 0) if isinstance(one, events.CreateResponse)]
    assert [response.get("metadata") for response in asked] == [PURPOSE]
