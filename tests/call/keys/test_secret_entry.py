"""Digits for one tool alone: the core decides when they have come, and never learns them."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from bot.call.conversation.goodbye import PURPOSE
from bot.call.inputs import DailySpend, ModelClosed, SecretKey, SessionWaiting, ToolDone
from bot.call.keys.secret_entry import (
    CALL_ENDS,
    CANCELLED,
    FIRST_US,
    LONGEST_US,
    NEXT_US,
    NO_MORE,
    NOT_NOW,
    NOTHING,
    TOO_FEW,
)
from bot.call.outputs import DropKeys, End, RunTool
from bot.call.settings import CallSettings, Money, SecretRules, ToolRules
from bot.call.states import State
from bot.realtime import events
from bot.twilio import stream
from tests.call.scripted_call import (
    SESSION,
    ScriptedCall,
    added,
    audio_done,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    frame,
    function,
    item_done,
    pressed,
    speaks,
    stops,
    updated,
)

SETTINGS = CallSettings(tools=(ToolRules("pay", secret=SecretRules(least=3, most=5, tries=2)),))
Kind = Literal["digit", "finish", "cancel"]


def key(kind: Kind = "digit", call_id: str = "call_1") -> SecretKey:
    return SecretKey(call_id, kind)


def asked(settings: CallSettings = SETTINGS) -> ScriptedCall:
    """The model has asked the caller for digits, with two seconds of speech, and calls the tool."""
    desk = ScriptedCall(settings)
    desk.give(speaks(), stops(), committed("U1"), created("R1"))
    desk.give(added("R1", "A"), delta("R1", "A", 2_000), audio_done("R1", "A"), item_done("A"))
    assert desk.give(function("R1", "pay")) == ["hide keys for call_1"]
    desk.give(done("R1"))
    return desk.at(1_000)


def keyed(desk: ScriptedCall, n: int, call_id: str = "call_1") -> list[str]:
    out = []
    for _ in range(n):
        out += desk.give(key(call_id=call_id))
        desk.at(desk.now_us / 1_000 + 400)
    return out


def waits(desk: ScriptedCall, ms: float) -> list[str]:
    return [one for one in desk.at(ms).tick() if not one.startswith(("append", "mark"))]


def told(desk: ScriptedCall) -> str:
    """The words of the last output."""
    outputs = [one.item for one in desk.sent(events.CreateItem) if one.item["type"] == "function_call_output"]
    return str(json.loads(outputs[-1]["output"])["result"])


def test_the_tool_is_run_when_the_last_digit_has_come_and_what_it_says_is_told() -> None:
    desk = asked()
    assert keyed(desk, 5) == ["clear", "truncate A at 1000", "run pay call_1"]
    assert desk.give(ToolDone("call_1", '{"result": "entered, valid"}')) == [
        "item function_call_output call_1",
        "create",
    ]


def test_the_hash_key_ends_them_sooner() -> None:
    desk = asked()
    keyed(desk, 3)
    assert desk.give(key("finish")) == ["run pay call_1"]


def test_too_few_digits_are_told_to_the_model_and_nothing_is_run() -> None:
    desk = asked()
    keyed(desk, 2)
    assert desk.give(key("finish")) == [
        "drop keys for call_1",
        "item function_call_output call_1",
        "create",
    ]
    assert told(desk) == TOO_FEW
    assert not desk.sent(RunTool)


def test_the_star_calls_it_off() -> None:
    desk = asked()
    keyed(desk, 4)
    assert desk.give(key("cancel"))[0] == "drop keys for call_1"
    assert told(desk) == CANCELLED


def test_a_caller_who_presses_nothing_is_waited_for_from_the_end_of_the_question_on() -> None:
    desk = asked()
    over_ms = 2_000 + FIRST_US / 1_000
    assert waits(desk, over_ms - 1) == []
    assert waits(desk, over_ms)[:2] == ["drop keys for call_1", "item function_call_output call_1"]
    assert told(desk) == NOTHING


def test_a_caller_who_stops_in_the_middle_is_not_waited_for_without_end() -> None:
    desk = asked()
    desk.give(key())
    assert waits(desk, 1_000 + NEXT_US / 1_000)[0] == "drop keys for call_1"
    assert told(desk) == TOO_FEW


def test_digits_that_are_enough_are_taken_after_a_pause() -> None:
    desk = asked()
    keyed(desk, 4)
    assert waits(desk, 1_000 + 3 * 400 + NEXT_US / 1_000) == ["run pay call_1"]


def test_the_whole_takes_no_longer_than_it_may() -> None:
    desk = asked(changed(SETTINGS, tools=(ToolRules("pay", secret=SecretRules(most=64)),)))
    while desk.now_us < LONGEST_US:
        assert desk.give(key()) in ([], ["clear", "truncate A at 1000"])
        desk.at(desk.now_us / 1_000 + 9_000)
        desk.tick()
    assert desk.sent(RunTool)


def test_tries_are_bounded_and_the_model_is_told() -> None:
    desk = asked()
    desk.give(key("cancel"), created("R2"))
    assert desk.give(function("R2", "pay", "call_2")) == ["hide keys for call_2"]
    desk.give(key("cancel", "call_2"), done("R2"), created("R3"))
    assert desk.give(function("R3", "pay", "call_3")) == ["item function_call_output call_3"]
    assert told(desk) == NO_MORE


def test_digits_of_two_tools_are_not_keyed_in_at_once() -> None:
    desk = ScriptedCall(changed(SETTINGS, tools=(*SETTINGS.tools, ToolRules("identify", secret=SecretRules()))))
    desk.give(created("R1"), function("R1", "pay"))
    assert desk.give(function("R1", "identify", "call_2"))[0] == "item function_call_output call_2"
    assert told(desk) == NOT_NOW
    desk.give(done("R1"))
    assert keyed(desk, 5)[-1] == "run pay call_1"


def test_while_they_come_nobody_speaks_and_nobody_is_prompted() -> None:
    desk = asked(changed(SETTINGS, idle_s=3, filler_s=1, filler_audio="////"))
    assert waits(desk, 20_000) == []
    assert desk.call.state is State.HEARING
    desk.give(created("R2"))  # the server's own, to words from before
    assert desk.outputs[-1] == events.CancelResponse("R2", "cancel_1") or desk.call.session.responses.suppressed("R2")


def test_keys_from_before_are_told_to_nobody() -> None:
    desk = ScriptedCall(changed(SETTINGS, barge_in="off"))
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 900))
    desk.give(pressed("4"), pressed("1"), function("R1", "pay"), done("R1"))
    desk.at(10_000).tick()
    texts = json.dumps([one.item for one in desk.sent(events.CreateItem)])
    assert "keys pressed" not in texts


def test_a_hang_up_in_the_middle_runs_nothing() -> None:
    desk = asked()
    keyed(desk, 4)
    assert desk.give(stream.Stop("MZ1")) == ["end caller_hung_up"]
    assert not desk.sent(RunTool)


def test_a_session_that_is_lost_in_the_middle_does_not_end_it_and_the_next_one_is_told_the_result() -> None:
    desk = asked()
    desk.at(5_000).give(frame(5_000), ModelClosed("closed", 1006))
    keyed(desk, 2)
    desk.give(SessionWaiting())
    desk.give(events.SessionCreated(SESSION), updated())
    assert keyed(desk, 3)[-1] == "run pay call_1"
    assert "item function_call_output call_1" in desk.give(ToolDone("call_1", '{"result": "entered, valid"}'))


def test_a_tool_that_the_caller_approves_first_asks_for_digits_after_that() -> None:
    rules = ToolRules("pay", approval="key", secret=SecretRules(least=1, most=2))
    desk = ScriptedCall(CallSettings(tools=(rules,)))
    desk.give(speaks(), stops(), committed("U1"), created("R1"), function("R1", "pay"), done("R1"))
    desk.give(created("R2"), delta("R2", "B", 100), audio_done("R2", "B"), item_done("B"), done("R2"))
    desk.at(5_000).tick()
    assert desk.give(pressed("1"))[-1] == "hide keys for call_1"
    assert keyed(desk, 2)[-1] == "run pay call_1"


@pytest.mark.parametrize("call_id", ["", "call_9"])
def test_a_key_for_another_call_is_none(call_id: str) -> None:
    desk = asked()
    desk.give(key(call_id=call_id), key("finish", call_id))
    assert not desk.sent(RunTool)
    assert not desk.sent(DropKeys)


def says_goodbye(desk: ScriptedCall, out: list[str]) -> None:
    """The entry is over, its tool has an output, and the caller hears the goodbye before the end."""
    out = [one for one in (*out, *desk.tick()) if not one.startswith(("append", "mark", "update"))]
    assert out[:2] == ["drop keys for call_1", "item function_call_output call_1"]
    assert told(desk) == CALL_ENDS
    assert out[-2:] == ["item message goodbye", "create ['max_output_tokens', 'metadata', 'tool_choice']"]
    assert not desk.sent(RunTool)
    goodbye = events.ResponseCreated(events.Response("R9", "in_progress", metadata=PURPOSE))
    heard = desk.give(goodbye, delta("R9", "G", 1_000), audio_done("R9", "G"), item_done("G"), done("R9"))
    assert "media 1000" in heard
    desk.at(desk.now_us / 1_000 + 1_000)
    assert desk.give(*[echo(one.mark.name) for one in desk.sent(stream.SetMark)])[-1].startswith("end ")


@pytest.mark.parametrize("n_keyed", [0, 2, 4])
def test_at_the_time_limit_the_entry_is_over_and_the_caller_hears_the_goodbye(n_keyed: int) -> None:
    desk = asked(changed(SETTINGS, max_call_s=10))
    keyed(desk, n_keyed)
    desk.at(2_900).give(*[echo(one.mark.name) for one in desk.sent(stream.SetMark)])
    desk.at(8_000).tick()
    says_goodbye(desk, waits(desk, 10_000))
    assert desk.outputs[-1] == End("time_limit")


def test_at_the_limit_of_what_a_call_may_cost_the_same() -> None:
    desk = asked(changed(SETTINGS, money=Money(daily_cap=1_000)))
    desk.at(2_900).give(*[echo(one.mark.name) for one in desk.sent(stream.SetMark)])
    says_goodbye(desk, desk.give(DailySpend(1_000)))
    assert desk.outputs[-1] == End("spend_limit")


def test_a_limit_that_is_reached_while_the_question_plays_waits_for_its_end() -> None:
    desk = asked(changed(SETTINGS, max_call_s=1.5))
    assert [*waits(desk, 1_500), *desk.tick()] == [
        "update us",
        "drop keys for call_1",
        "item function_call_output call_1",
    ]
    desk.at(2_000)
    assert "item message goodbye" in desk.give(*[echo(one.mark.name) for one in desk.sent(stream.SetMark)])
