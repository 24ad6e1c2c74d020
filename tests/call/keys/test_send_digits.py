"""Digits are sent: the stream is left for them, and the call goes on with the next one."""

from __future__ import annotations

import json

import pytest

from bot.call.inputs import PhoneClosed
from bot.call.keys.send_digits import LEAVE_US, LISTEN_US, NO_DIGITS, RETURN_US, SENT, UNDER_WAY
from bot.call.machines import StreamStage
from bot.call.outputs import LeaveStream
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import END_CALL, SEND_DIGITS, SEND_DIGITS_TOOL, SessionSettings
from bot.twilio import stream
from tests.call.scripted_call import (
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
    start,
    stops,
)

SETTINGS = CallSettings(session=SessionSettings(tools=(SEND_DIGITS_TOOL,)))


def asked(response: str, digits: object = "12#", call_id: str = "call_1") -> events.OutputItemDone:
    return function(response, SEND_DIGITS, call_id, json.dumps({"digits": digits}))


def told(desk: ScriptedCall) -> list[str]:
    """Words of every output of a function call."""
    outputs = [one.item for one in desk.sent(events.CreateItem) if one.item["type"] == "function_call_output"]
    return [json.loads(one["output"])["result"] for one in outputs]


def waits(desk: ScriptedCall, ms: float) -> list[str]:
    """What goes out then, less the silence that stands for frames."""
    return [one for one in desk.at(ms).tick() if not one.startswith(("append", "mark"))]


def away(settings: CallSettings = SETTINGS) -> ScriptedCall:
    """The caller asked for something, and the model answered with digits alone."""
    desk = ScriptedCall(settings)
    desk.give(speaks(), stops(), committed(), created("R1"), asked("R1"))
    assert desk.at(100).give(done("R1")) == ["leave for 12#"]
    return desk


def test_the_stream_is_left_once_what_the_bot_says_has_been_heard() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 1_000), audio_done("R1", "A"), item_done("A"))
    desk.give(asked("R1", "1 2-3"), done("R1"))
    assert not desk.at(500).give(echo("e0.0"))
    assert desk.at(1_000).give(echo("e0.1")) == ["leave for 123"]
    assert not told(desk)


def test_the_same_session_goes_on_with_the_next_stream_and_the_model_is_told_that_the_menu_may_have_moved_on() -> None:
    desk = away()
    assert desk.at(3_000).give(start(sid="MZ2")) == ["item function_call_output call_1"]
    assert told(desk) == [SENT]
    assert desk.give(frame(0, sid="MZ2")) == ["append 20"]
    desk.give(created("R2"), added("R2", "B"))
    assert desk.give(delta("R2", "B", 300)) == ["mark e1.0", "media 300", "mark e1.1"]
    assert [one.stream_sid for one in desk.sent(stream.PlayMedia)] == ["MZ2"]
    assert desk.call.uplink.distrusted_timestamps == 0


def test_a_response_comes_only_if_nobody_else_speaks_for_a_while() -> None:
    desk = away()
    desk.at(3_000).give(start(sid="MZ2"))
    assert waits(desk, 3_000 + LISTEN_US / 1_000) == ["create"]


def test_no_response_comes_of_the_digits_where_the_menu_speaks() -> None:
    desk = away()
    desk.at(3_000).give(start(sid="MZ2"), speaks())
    desk.at(6_000).give(stops(), committed("U2"), created("R2"), done("R2"))
    assert waits(desk, 3_000 + LISTEN_US / 1_000 + 100) == []


def test_what_the_model_makes_meanwhile_waits_for_the_next_stream_and_plays_once() -> None:
    desk = ScriptedCall(changed(SETTINGS, barge_in="off"))
    desk.give(created("R1"), asked("R1"))
    desk.give(done("R1"))
    assert desk.give(created("R2"), added("R2", "B"), delta("R2", "B", 400), audio_done("R2", "B")) == []
    desk.give(item_done("B"), done("R2"))
    assert desk.at(2_000).give(start(sid="MZ2")) == [
        "item function_call_output call_1",
        "mark e1.0",
        "media 400",
        "mark e1.1",
    ]
    assert desk.call.state is State.SPEAKING


def test_an_answer_that_the_server_makes_by_itself_while_nobody_hears_is_turned_away() -> None:
    desk = away()
    assert desk.give(created("R2")) == ["cancel R2"]
    assert desk.give(delta("R2", "B", 400), done("R2", "cancelled")) == []


def test_a_bot_that_talks_on_and_on_is_cut_short_for_them() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.give(created("R1"), asked("R1"), added("R1", "A"), delta("R1", "A", 60_000))
    out = waits(desk, LEAVE_US / 1_000)
    assert out == ["clear", "truncate A at 10000", "cancel R1", "leave for 12#"]


def test_the_next_stream_that_never_comes_ends_the_call_as_a_lost_line() -> None:
    desk = away()
    lasts_us = 3 * 500_000 + RETURN_US
    assert waits(desk, 100 + lasts_us / 1_000 - 1) == []
    assert waits(desk, 100 + lasts_us / 1_000) == ["end line_lost"]


def test_the_next_stream_may_hang_up_like_the_first() -> None:
    desk = away()
    desk.at(1_000).give(start(sid="MZ2"))
    assert desk.give(PhoneClosed(1006)) == ["end line_lost"]


def test_what_still_comes_of_the_stream_that_was_left_is_nothing() -> None:
    desk = away()
    assert desk.give(frame(20), echo("e0.0"), pressed("1")) == []
    desk.at(1_000).give(start(sid="MZ2"))
    assert desk.give(frame(20), pressed("1")) == []
    assert desk.call.counts["keys"] == 0


def test_another_stream_of_another_call_is_refused() -> None:
    desk = away(changed(SETTINGS, call_sid="CA1"))
    assert desk.give(start(sid="MZ2", call_sid="CA2")) == ["end refused"]


def test_while_the_line_is_away_nobody_is_prompted_and_no_filler_sounds() -> None:
    desk = away(changed(SETTINGS, idle_s=2, filler_s=1, filler_audio="////"))
    assert waits(desk, 9_000) == []
    assert desk.call.counts["idle_prompts"] == desk.call.counts["filler_played"] == 0


def test_a_hang_up_behind_the_digits_waits_for_them() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.give(speaks(), stops(), committed(), created("R1"), asked("R1"), function("R1", END_CALL, "call_2"))
    assert desk.give(done("R1")) == ["leave for 12#"]
    assert "end bot_hung_up" in desk.at(2_000).give(start(sid="MZ2"))


def test_while_digits_are_sent_no_others_are() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.give(created("R1"), asked("R1"), asked("R1", "3", "call_2"))
    assert told(desk) == [UNDER_WAY]


def test_they_can_be_sent_again_and_again() -> None:
    desk = away()
    for number in range(2, 6):
        desk.give(start(sid=f"MZ{number}"), created(f"R{number}"), asked(f"R{number}", "5", f"call_{number}"))
        assert desk.give(done(f"R{number}")) == ["leave for 5"]
    assert desk.call._parts.floor.stream_stage is StreamStage.AWAY


@pytest.mark.parametrize("digits", ["", "www", "1" * 33, "12a", '"/><Dial>', "1\n2x", "+49", 12, None, ["1"], "A"])
def test_what_is_no_digits_is_refused_with_a_sentence(digits: object) -> None:
    desk = ScriptedCall(SETTINGS)
    desk.give(created("R1"), asked("R1", digits), done("R1"))
    assert told(desk) == [NO_DIGITS]
    assert not desk.sent(LeaveStream)


def test_where_the_operator_has_not_switched_it_on_there_is_no_such_function() -> None:
    desk = ScriptedCall()
    desk.give(created("R1"), asked("R1"), done("R1"))
    assert not desk.sent(LeaveStream)
