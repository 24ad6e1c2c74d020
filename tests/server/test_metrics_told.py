"""GET /metrics: what calls tell about themselves, and what the parts of the process say."""

from __future__ import annotations

import json
from unittest.mock import Mock

import pytest

from bot.call.facts import TurnFact, UsageFact, WaitFact
from bot.call.states import State
from bot.observe.metrics import OTHER
from bot.realtime.errors import LABELS
from bot.realtime.usage import Tokens
from bot.server.bookkeeping.metric_list import FAMILIES
from bot.server.calls.call_tally import CallTally
from bot.server.http.app_keys import METER
from bot.testing.agent import Failure, Reply
from bot.testing.model import Behaviour, SendAt
from tests.server.http.operators.test_metrics_route import above_zero, found
from tests.server.simulated_server import QUICK, standing, until


def an_error(code: str | None, kind: str = "invalid_request_error") -> str:
    problem = {"type": kind, "code": code, "message": "No.", "param": None, "event_id": None}
    return json.dumps({"type": "error", "event_id": "event_odd", "error": problem})


# ---- calls ----


async def test_a_call_stands_in_one_state() -> None:
    async with standing() as desk:
        assert above_zero(await found(desk), "calls") == {}
        async with desk.stream() as hand:
            await until(lambda: hand.bridge.call.state is State.SPEAKING)
            assert above_zero(await found(desk), "calls") == {("calls", "speaking"): 1}
            async with desk.stream(started=False):
                states = {("calls", "speaking"): 1, ("calls", "opening"): 1}
                assert above_zero(await found(desk), "calls") == states
        await desk.quiet()
        assert above_zero(await found(desk), "calls") == {}


async def test_how_many_calls_there_may_be_is_told() -> None:
    async with standing(BOT_MAX_CALLS="7") as desk:
        assert (await found(desk))["calls_limit",] == 7


async def test_what_a_caller_waited_for_is_measured_once() -> None:
    async with standing() as desk, desk.stream() as hand:
        await until(lambda: hand.bridge.call.started)
        before = await found(desk)
        for us in (400_000, 1_200_000):
            hand.bridge.tally.note(WaitFact("byte_sent", us, 1))
        hand.bridge.tally.note(WaitFact("clear", 1_500))
        for _ in range(2):
            numbers = await found(desk)
            assert numbers["wait_seconds_count", "byte_sent"] - before["wait_seconds_count", "byte_sent"] == 2
            under = [numbers["wait_seconds_bucket", bound, "byte_sent"] for bound in ("0.3", "0.5", "1.0", "1.5")]
            assert under == [0, 1, 1, 2]
            assert numbers["clear_seconds_sum",] == pytest.approx(0.0015)
            assert numbers["clear_seconds_bucket", "0.001"] == 0
            assert numbers["clear_seconds_bucket", "0.002"] == 1


async def test_what_was_told_at_the_very_end_of_a_call_counts_too() -> None:
    async with standing() as desk:
        async with desk.stream() as hand:
            hand.bridge.tally.note(UsageFact(1, "response", "resp_1", "some", nano_usd=250_000_000))
        await desk.quiet()
        (ended,) = desk.logged("call_ended")
        assert (await found(desk))["usd_total", "model"] == pytest.approx(0.25 + ended["usd"], abs=1e-6)


async def test_tokens_are_counted_by_kind_and_money_in_dollars() -> None:
    async with standing(BOT_GREETING="off") as desk, desk.stream() as hand:
        await until(lambda: hand.bridge.call.started)
        before = await found(desk)
        tokens = {"text_in": 30, "audio_cached": 400, "of a kind yet to come": 5}
        used = UsageFact(901, "response", "resp_1", "some", "completed", tokens, nano_usd=1_500_000_000)
        hand.bridge.tally.note(used)
        hand.bridge.tally.note(used)  # told again
        hand.bridge.tally.note(UsageFact(902, "response", "resp_2", "some", "cancelled", {"text_in": 1}))
        hand.bridge.tally.note(UsageFact(903, "transcription", "item_1", "other", nano_usd=2_000_000))
        hand.bridge.tally.note(TurnFact(1, "caller", "item_1", "not for counting"))
        now = await found(desk)
    grown = {key: now[key] - before.get(key, 0) for key in now if key[0] in {"tokens_total", "usd_total"}}
    assert {key: number for key, number in grown.items() if number} == {
        ("tokens_total", "text_in"): 31,
        ("tokens_total", "audio_cached"): 400,
        ("tokens_total", OTHER): 5,
        ("usd_total", "model"): 1.5,
        ("usd_total", "transcription"): pytest.approx(0.002),
    }


def test_a_tally_that_was_taken_is_empty_and_still_knows_what_it_counted() -> None:
    tally, used = CallTally(), UsageFact(1, "response", "resp_1", "some", tokens={"text_in": 3}, nano_usd=7)
    tally.note(used)
    assert (tally.tokens, tally.nano_usd) == ({"text_in": 3}, {"response": 7})
    tally.clear()
    tally.note(used)
    assert (tally.waits, tally.tokens, tally.nano_usd) == ([], {}, {})


# ---- the model's side ----


async def test_a_session_that_was_given_up_counts_as_one_that_failed() -> None:
    async with standing(BOT_GREETING="off") as desk, desk.stream() as hand:
        await until(lambda: hand.bridge.call.started)
        hand.bridge.call.counts["sessions_given_up"] += 1
        assert (await found(desk))["sessions_failed_total", "timeout"] == 1


async def test_errors_of_the_model_s_side_are_counted_by_known_codes() -> None:
    sends = [
        SendAt(60_000 + number, an_error(code, kind))
        for number, (code, kind) in enumerate(
            [
                ("cannot_update_voice", "invalid_request_error"),
                ("response_cancel_not_active", "invalid_request_error"),
                ("response_cancel_not_active", "invalid_request_error"),
                (None, "server_error"),
                ("CA" + "7" * 32, "invalid_request_error"),
                (None, "a type yet to come"),
            ]
        )
    ]
    async with standing(behaviour=Behaviour(sends=sends)) as desk:
        async with desk.stream() as hand:
            await until(lambda: hand.bridge.call.errors.total() == len(sends))
            for _ in range(2):
                assert above_zero(await found(desk), "upstream_errors_total") == {
                    ("upstream_errors_total", "cannot_update_voice"): 1,
                    ("upstream_errors_total", "response_cancel_not_active"): 2,
                    ("upstream_errors_total", "server_error"): 1,
                    ("upstream_errors_total", "other"): 2,
                }
        await desk.quiet()
        assert sum(above_zero(await found(desk), "upstream_errors_total").values()) == len(sends)


async def test_a_reply_that_failed_is_counted_by_its_code() -> None:
    fails = Reply(failure=Failure("failed", code="inference_rate_limit_exceeded"), pacing=QUICK)
    async with standing(fails, fails) as desk:
        async with desk.stream() as hand:
            await until(lambda: hand.bridge.call.errors.total() == 2)
        await desk.quiet()
        assert above_zero(await found(desk), "upstream_errors_total") == {
            ("upstream_errors_total", "inference_rate_limit_exceeded"): 2
        }


# ---- the parts of the process ----


async def test_how_the_store_stands_is_told() -> None:
    async with standing() as desk:
        assert (await found(desk))["store_away",] == 1  # there is none
        desk.app[METER].write_behind = store = Mock(away=True, waiting=12, lost=3)
        numbers = await found(desk)
        assert [numbers[f"store_{name}",] for name in ("away", "rows_waiting", "rows_lost_total")] == [1, 12, 3]
        store.away, store.waiting = False, 0
        numbers = await found(desk)
        assert [numbers[f"store_{name}",] for name in ("away", "rows_waiting", "rows_lost_total")] == [0, 0, 3]


async def test_calls_of_dead_processes_are_told() -> None:
    async with standing() as desk:
        assert (await found(desk))["calls_crashed_total",] == 0
        desk.app[METER].sweep = sweep = Mock(crashed=2)
        assert (await found(desk))["calls_crashed_total",] == 2
        sweep.crashed = 3
        assert (await found(desk))["calls_crashed_total",] == 3


async def test_what_the_day_has_cost_is_told_in_dollars() -> None:
    async with standing(BOT_MAX_DAILY_USD="20.5") as desk:
        assert ((await found(desk))["daily_spent_usd",], (await found(desk))["daily_limit_usd",]) == (0, 20.5)
        desk.calls.spent_today.stored(12_340_000_000)
        assert (await found(desk))["daily_spent_usd",] == pytest.approx(12.34)


def test_labels_are_those_of_the_vocabularies() -> None:
    values = {one.name.removeprefix("heardline_"): set(one.values) for one in FAMILIES}
    assert values["calls"] == {state.value for state in State}
    assert values["wait_seconds"] == {"greeting_heard", "byte_sent", "byte_heard"}
    assert values["tokens_total"] == set(Tokens.__struct_fields__)
    assert values["upstream_errors_total"] == set(LABELS)
