"""Ending a call for its money: the exact messages at 80 %, at the cap, and whatever may come in between."""

from __future__ import annotations

from typing import Any

import pytest

from bot.call.conversation.goodbye import GOODBYE, MAX_TRIES
from bot.call.conversation.state_deadlines import CLOSING_US
from bot.call.inputs import DailySpend, ModelClosed, PhoneClosed, SessionWaiting, Shutdown
from bot.call.outputs import EndReason
from bot.call.rules.wrap_up import WRAP_UP
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.call.tool_calls.function_calls import NO_SUCH_FUNCTION
from bot.realtime import events
from bot.realtime.session import END_CALL
from bot.twilio import stream
from tests.call.priced_call import CENT, billed, goodbye, heard, purse, spoken_over
from tests.call.scripted_call import (
    SESSION,
    SID,
    ScriptedCall,
    added,
    audio_done,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    function,
    item_done,
    speaks,
    start,
    stops,
    updated,
)

ITEM, ASK = "item message goodbye", "create ['max_output_tokens', 'metadata', 'tool_choice']"
WRAP = "item message wrap_up"


def spoken(desk: ScriptedCall, response: str, item: str, ms: int) -> list[str]:
    """The whole audio of a response that has been created, up to its `response.done`."""
    return desk.give(added(response, item), delta(response, item, ms), audio_done(response, item), item_done(item))


def answering(settings: CallSettings | None = None, *, ms: int = 2_000, words: bool = False) -> ScriptedCall:
    """The caller, who has said something if there are `words`, is hearing an answer that is generated but not over."""
    desk = ScriptedCall(settings or purse())
    if words:
        desk.give(committed("U0"))
    desk.at(100).give(created("R1"))
    spoken(desk, "R1", "A", ms)
    assert desk.call.state is State.SPEAKING
    return desk


def closing(*, cents: int = 100) -> ScriptedCall:
    """The goodbye has been asked for: the line is silent."""
    desk = answering()
    assert desk.give(billed("R1", cents)) == ["update us"]
    assert desk.at(2_150).give(echo("e0.1")) == [ITEM, ASK]
    assert desk.call.state is State.CLOSING
    return desk


def warned(desk: ScriptedCall) -> list[str]:
    return [one.event for one in desk.reports if one.event.startswith(("spend_limit", "goodbye"))]


# ---- at 80 % ----


def test_at_four_fifths_the_model_is_told_and_nothing_is_interrupted() -> None:
    desk = answering()
    assert desk.give(billed("R1", 79)) == []
    assert desk.give(heard("U", 1)) == [WRAP]
    (item,) = desk.sent(events.CreateItem)
    assert item.item == {
        "id": "wrap_up",
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": WRAP_UP}],
    }
    assert desk.call.state is State.SPEAKING
    (report,) = [one for one in desk.reports if one.event == "spend_limit_near"]
    assert (report.level, report.details) == ("info", {"cap": "call", "call_usd": 0.8, "day_usd": 0.0})


def test_it_is_told_once() -> None:
    desk = ScriptedCall(purse(day_cents=100))
    assert desk.give(created("R1"), spoken_over("R1", 85)) == [WRAP]
    assert desk.give(created("R2"), spoken_over("R2", 5), DailySpend(90 * CENT), heard("U", 2)) == []


def test_it_waits_for_the_session() -> None:
    desk = ScriptedCall(purse(day_cents=100), ready=False)
    assert desk.give(DailySpend(80 * CENT), start(), events.SessionCreated(SESSION)) == ["update server"]
    assert desk.give(updated()) == [WRAP]


def test_who_goes_past_it_to_the_cap_is_not_told_to_wrap_up() -> None:
    desk = answering()
    assert desk.give(billed("R1", 100)) == ["update us"]
    assert warned(desk) == ["spend_limit_reached"]


# ---- at the cap ----


def test_what_is_being_said_is_finished_and_then_comes_one_goodbye_and_the_end() -> None:
    desk = answering()
    assert desk.give(billed("R1", 100)) == ["update us"]
    assert desk.at(1_000).give(committed(), echo("e0.0")) == []
    assert desk.at(2_150).give(echo("e0.1")) == [ITEM, ASK]
    assert desk.at(2_400).give(goodbye("R2")) == []
    assert spoken(desk, "R2", "B", 1_500) == ["mark e0.2", "media 1500", "mark e0.3"]
    assert desk.give(billed("R2", 3)) == []
    assert desk.at(3_000).give(echo("e0.2")) == []
    assert desk.at(3_950).give(echo("e0.3")) == ["end spend_limit"]
    assert desk.call.goodbye.heard
    assert desk.call.spent_nano_usd == 103 * CENT
    assert warned(desk) == ["spend_limit_reached"]


def test_the_request_leaves_the_cache_alone() -> None:
    """Its own instructions or tools would have the whole conversation billed afresh (openai-realtime 7)."""
    desk = closing()
    (item,) = desk.sent(events.CreateItem)
    assert item.item["content"] == [{"type": "input_text", "text": GOODBYE}]
    (request,) = desk.sent(events.CreateResponse)
    assert request.response == {
        "tool_choice": "none",
        "max_output_tokens": 400,
        "metadata": {"purpose": "goodbye"},
    }


def test_nobody_speaks_then_it_comes_at_once() -> None:
    desk = ScriptedCall(purse(day_cents=50))
    assert desk.at(1_000).give(DailySpend(50 * CENT)) == ["update us", ITEM, ASK]


def test_a_late_transcription_can_be_the_last_straw() -> None:
    desk = ScriptedCall(purse())
    assert desk.give(created("R1"), spoken_over("R1", 79)) == []
    assert desk.give(heard("U", 20.9)) == [WRAP]
    assert desk.give(heard("V", 0.1)) == ["update us", ITEM, ASK]


def test_the_caller_who_speaks_is_heard_out_and_gets_the_goodbye_for_an_answer() -> None:
    desk = ScriptedCall(purse(day_cents=50))
    desk.give(speaks())
    assert desk.give(DailySpend(50 * CENT)) == ["update us"]
    assert desk.at(3_000).give(updated()) == []
    assert desk.at(5_000).give(stops(), committed()) == [ITEM, ASK]


def test_an_answer_that_is_being_made_is_finished_first() -> None:
    desk = ScriptedCall(purse(day_cents=50))
    desk.give(created("R1"))
    assert desk.give(DailySpend(50 * CENT)) == ["update us"]
    assert spoken(desk, "R1", "A", 1_000) == ["mark e0.0", "media 1000", "mark e0.1"]
    assert desk.give(done("R1")) == []
    assert desk.at(1_050).give(echo("e0.1")) == [ITEM, ASK]


def test_a_tool_that_waits_for_its_answer_gets_it_and_the_goodbye_takes_the_place_of_what_was_to_follow() -> None:
    desk = ScriptedCall(purse())
    call = events.OutputItemDone(
        "R1", events.Item("F", "function_call", status="completed", name="weather", call_id="call_1")
    )
    assert desk.give(created("R1"), call) == ["item function_call_output call_1"]
    assert NO_SUCH_FUNCTION in desk.sent(events.CreateItem)[0].item["output"]
    assert desk.give(billed("R1", 100)) == ["update us", ITEM, ASK]
    desk.give(goodbye("R2"))
    spoken(desk, "R2", "B", 500)
    assert desk.give(done("R2")) == []
    assert desk.at(600).give(echo("e0.1")) == ["end spend_limit"]


def test_the_greeting_is_heard_first() -> None:
    desk = ScriptedCall(purse(day_cents=50, greeting="Hello."), ready=False)
    desk.give(DailySpend(50 * CENT), events.SessionCreated(SESSION), updated())
    desk.give(created("R1"))
    assert spoken(desk, "R1", "A", 1_000) == []
    assert desk.give(done("R1")) == []
    assert desk.at(500).give(start()) == ["mark e0.0", "media 1000", "mark e0.1"]  # the turns are ours as it is
    assert desk.at(1_550).give(echo("e0.1")) == [ITEM, ASK]


def test_both_caps_at_once_are_one_end() -> None:
    desk = ScriptedCall(purse(cents=100, day_cents=500))
    assert desk.give(created("R1"), billed("R1", 100)) == ["update us", ITEM, ASK]
    assert desk.give(DailySpend(500 * CENT)) == []
    assert warned(desk) == ["spend_limit_reached"]


def test_a_bot_that_says_goodbye_by_itself_needs_no_second_one() -> None:
    desk = answering(words=True)
    assert desk.give(function("R1", END_CALL), billed("R1", 100)) == []
    assert desk.at(2_150).give(echo("e0.1")) == ["end bot_hung_up"]


def test_even_if_it_does_so_after_the_cap() -> None:
    desk = answering(purse(day_cents=50), words=True)
    assert desk.give(DailySpend(50 * CENT), function("R1", END_CALL), done("R1")) == ["update us"]
    assert desk.at(2_150).give(echo("e0.1")) == ["end bot_hung_up"]


def test_a_hang_up_that_the_caller_prevents_is_taken_up_by_the_cap() -> None:
    desk = answering(words=True)
    desk.give(function("R1", END_CALL), billed("R1", 100))
    assert desk.at(1_100).give(speaks()) == [
        "item function_call_output call_1",
        "clear",
        "truncate A at 1000",
        "update us",
    ]
    assert desk.at(2_000).give(stops(), committed()) == [ITEM, ASK]


# ---- no other answer ----


def test_no_turn_of_the_caller_is_answered_any_more() -> None:
    desk = answering()
    desk.give(billed("R1", 100), updated())
    assert desk.at(600).give(speaks()) == ["clear", "truncate A at 500"]
    assert desk.at(1_500).give(stops()) == [ITEM, ASK]
    assert desk.give(committed()) == []


def test_an_answer_the_server_made_before_it_knew_is_cancelled_and_the_goodbye_comes_behind_it() -> None:
    desk = ScriptedCall(purse(day_cents=50))
    desk.give(speaks(), stops(), committed())
    assert desk.give(DailySpend(50 * CENT)) == ["update us", ITEM, ASK]
    assert desk.give(created("R1"), added("R1", "A")) == ["cancel R1"]
    assert desk.give(delta("R1", "A", 100), error("conversation_already_has_active_response", "create_1")) == []
    assert desk.give(item_done("A")) == ["delete A"]
    assert desk.give(billed("R1", 2, "cancelled")) == [ASK]
    desk.give(goodbye("R2"))
    spoken(desk, "R2", "B", 500)
    desk.give(done("R2"))
    assert desk.at(600).give(echo("e0.1")) == ["end spend_limit"]
    assert desk.call.goodbye.heard


def test_an_answer_that_was_asked_for_but_not_begun_is_not_said() -> None:
    desk = ScriptedCall(purse(day_cents=50, barge_in="off"))
    assert desk.give(speaks(), stops(), committed()) == ["create"]
    assert desk.give(DailySpend(50 * CENT)) == []
    assert desk.give(created("R1")) == ["cancel R1"]
    assert desk.give(done("R1", "cancelled")) == [ITEM, ASK]


def test_an_answer_that_was_refused_is_not_asked_for_again() -> None:
    desk = ScriptedCall(purse(day_cents=50, barge_in="off"))
    desk.give(speaks(), stops(), committed(), DailySpend(50 * CENT))
    assert desk.give(error("server_error", "create_1")) == [ITEM, ASK]


def test_an_answer_that_fails_is_not_tried_again() -> None:
    desk = ScriptedCall(purse(day_cents=50))
    desk.give(created("R1"), DailySpend(50 * CENT))
    assert desk.give(done("R1", "failed")) == [ITEM, ASK]


def test_where_we_own_the_turns_the_server_need_not_be_told() -> None:
    desk = ScriptedCall(purse(day_cents=50, barge_in="off"))
    assert desk.give(DailySpend(50 * CENT)) == [ITEM, ASK]


# ---- the goodbye is interrupted ----


def test_who_interrupts_the_goodbye_has_heard_enough_and_the_call_ends_when_they_are_silent() -> None:
    desk = closing()
    desk.at(2_400).give(goodbye("R2"))
    spoken(desk, "R2", "B", 1_500)
    desk.give(done("R2"))
    assert desk.at(3_400).give(speaks()) == ["clear", "truncate B at 1000"]
    assert desk.at(4_000).give(stops(), committed()) == ["end spend_limit"]
    assert not desk.call.goodbye.heard


def test_who_interrupts_it_while_it_is_made_too() -> None:
    desk = closing()
    desk.at(2_400).give(goodbye("R2"), added("R2", "B"), delta("R2", "B", 500))
    assert desk.at(2_600).give(speaks()) == ["clear", "truncate B at 200", "cancel R2"]
    assert desk.at(3_000).give(stops()) == []
    assert desk.give(done("R2", "cancelled")) == ["end spend_limit"]


@pytest.mark.parametrize("made", [True, False])
def test_who_speaks_before_anything_of_it_was_heard_gets_it_after_their_turn(made: bool) -> None:
    desk = closing()
    if made:
        desk.give(goodbye("R2"))
    assert desk.at(2_300).give(speaks()) == (["cancel R2"] if made else [])
    if not made:
        assert desk.give(goodbye("R2")) == ["cancel R2"]
    assert desk.at(3_000).give(done("R2", "cancelled"), stops()) == [ASK]
    desk.give(goodbye("R3"))
    spoken(desk, "R3", "B", 500)
    desk.give(done("R3"))
    assert desk.at(3_600).give(echo("e1.1")) == ["end spend_limit"]
    assert desk.call.goodbye.heard


def test_but_not_for_ever() -> None:
    desk = closing()
    for number in range(2, MAX_TRIES + 1):
        assert desk.give(goodbye(f"R{number}"), speaks(), done(f"R{number}", "cancelled"), stops()) == [
            f"cancel R{number}",
            ASK,
        ]
    last = desk.give(goodbye("R9"), speaks(), done("R9", "cancelled"), stops())
    assert last == ["cancel R9", "end spend_limit"]


def test_a_bye_right_after_the_goodbye_leaves_it_heard() -> None:
    desk = closing()
    desk.at(2_400).give(goodbye("R2"))
    spoken(desk, "R2", "B", 1_000)
    desk.give(done("R2"))
    assert desk.at(3_400).give(speaks()) == ["clear"]
    assert desk.at(3_800).give(stops()) == ["end spend_limit"]
    assert desk.call.goodbye.heard


def test_who_may_not_interrupt_hears_it_to_its_end() -> None:
    desk = ScriptedCall(purse(day_cents=50, barge_in="off"))
    desk.give(DailySpend(50 * CENT), goodbye("R1"))
    spoken(desk, "R1", "A", 1_000)
    assert desk.at(500).give(speaks(), done("R1"), stops(), committed()) == []
    assert desk.at(1_050).give(echo("e0.1")) == ["end spend_limit"]
    assert desk.call.goodbye.heard


# ---- the goodbye does not come ----


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_server_that_gives_no_metadata_back_says_the_goodbye_too(confirmed: bool) -> None:
    """XAI's `response.created` has none (openai-realtime W8)."""
    desk = closing()
    if confirmed:
        desk.give(updated())
    assert desk.at(2_400).give(created("R2")) == []
    spoken(desk, "R2", "B", 500)
    desk.give(done("R2"))
    assert desk.at(2_950).give(echo("e0.3"))[-1] == "end spend_limit"
    assert desk.call.goodbye.heard


@pytest.mark.parametrize("status", ["failed", "completed", "incomplete", "cancelled"])
def test_a_goodbye_of_which_nothing_came_is_left_to_the_shell(status: str) -> None:
    desk = closing()
    assert desk.at(2_400).give(goodbye("R2"), done("R2", status)) == ["end spend_limit"]
    assert not desk.call.goodbye.heard
    assert warned(desk) == ["spend_limit_reached", "goodbye_failed"]


@pytest.mark.parametrize("status", ["failed", "incomplete"])
def test_so_is_one_that_breaks_off_once_what_came_of_it_was_heard(status: str) -> None:
    desk = closing()
    desk.at(2_400).give(goodbye("R2"), added("R2", "B"), delta("R2", "B", 400))
    assert desk.give(done("R2", status)) == []
    assert desk.at(2_850).give(echo("e0.3")) == ["end spend_limit"]
    assert not desk.call.goodbye.heard
    assert warned(desk) == ["spend_limit_reached", "goodbye_failed"]


def test_a_goodbye_that_never_comes_is_waited_for_as_long_as_any_answer() -> None:
    desk = closing()
    assert desk.at(2_150 + 7_999).tick() != ["end spend_limit"]
    assert desk.at(2_150 + 8_000).tick()[-1:] == ["end spend_limit"]
    assert not desk.call.goodbye.heard


def test_a_goodbye_that_stops_in_the_middle_is_waited_for_too() -> None:
    desk = closing()
    desk.at(2_400).give(goodbye("R2"), added("R2", "B"), delta("R2", "B", 500))
    desk.at(2_400 + 500 + 2_000).tick()
    assert desk.call.ended is None
    assert desk.at(4_900 + 8_000).tick()[-1:] == ["end spend_limit"]


def test_a_request_that_is_refused_twice_is_given_up() -> None:
    desk = closing()
    assert desk.give(error("server_error", "create_1")) == [ASK]
    assert desk.give(error("server_error", "create_2")) == ["end spend_limit"]


def test_a_caller_who_does_not_stop_speaking_is_not_listened_to_for_ever() -> None:
    desk = ScriptedCall(purse(day_cents=50))
    desk.give(speaks())
    desk.at(1_000).give(DailySpend(50 * CENT))
    assert desk.at(1_000 + CLOSING_US // 1_000 - 1).tick()[-1:] != ["end spend_limit"]
    assert desk.at(1_000 + CLOSING_US // 1_000).tick()[-1:] == ["end spend_limit"]


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (ModelClosed("closed", 1006), "spend_limit"),
        (error("insufficient_quota"), "spend_limit"),
        (stream.Stop(SID), "caller_hung_up"),
        (PhoneClosed(), "line_lost"),
        (PhoneClosed(1006), "line_lost"),
        (Shutdown("drained"), "drained"),
    ],
)
def test_what_else_ends_the_call_meanwhile(happens: Any, reason: EndReason) -> None:
    assert closing().give(happens)[-1] == f"end {reason}"


def test_before_the_cap_nothing_is_the_money_s_fault() -> None:
    desk = ScriptedCall(purse())
    desk.give(created("R1"), billed("R1", 99))
    assert desk.give(error("insufficient_quota")) == ["end model_unavailable"]


def test_a_call_with_no_caps_never_closes() -> None:
    desk = ScriptedCall(changed(purse(cents=0)))
    assert desk.give(created("R1"), spoken_over("R1", 10**6), DailySpend(10**15)) == []


def test_a_day_that_is_spent_while_no_session_is_there_leaves_no_greeting_to_the_next_one() -> None:
    desk = ScriptedCall(purse(greeting="Hello.", day_cents=100))
    desk.at(100).give(ModelClosed("closed", 1006), DailySpend(100 * CENT), SessionWaiting())
    told = desk.give(events.SessionCreated(SESSION), updated())
    assert told.count(ASK) == 1
    assert "create ['instructions']" not in told
