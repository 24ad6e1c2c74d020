"""Keys of the caller: gathered, told to the model as one message of theirs, answered as a turn is."""

from __future__ import annotations

import pytest

from bot.call.handoff.transfer import TRANSFER_CALL
from bot.call.inputs import ModelClosed, SessionWaiting, TransferChecked
from bot.call.settings import CallSettings, KeypadRules, Shortcut
from bot.call.states import State
from bot.call.transcript.keys_pressed import pressed as pressed_as
from bot.realtime import events
from bot.realtime.session import END_CALL
from tests.call.scripted_call import (
    SESSION,
    ScriptedCall,
    added,
    audio,
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
    updated,
)

PLAIN = CallSettings(keypad=KeypadRules(pause_s=2, longest_s=30, most_keys=8))
GREETED = changed(PLAIN, greeting="Hello.")


def told(desk: ScriptedCall) -> list[str]:
    """Keys that the model was told, as messages of the caller."""
    found = []
    for one in desk.sent(events.CreateItem):
        if one.item.get("id", "").startswith("keys_"):
            assert one.item["role"] == "user"
            found.append(one.item["content"][0]["text"])
    return found


def keys(desk: ScriptedCall, text: str, every_ms: int = 300) -> list[str]:
    out = []
    for key in text:
        out += desk.give(pressed(key))
        desk.at(desk.now_us / 1_000 + every_ms)
    return out


def waits(desk: ScriptedCall, ms: float) -> list[str]:
    """Nothing comes until then, so that silence stands for the caller's audio. What else went out."""
    return [one for one in desk.at(ms).tick() if not one.startswith("append")]


def answering(settings: CallSettings = PLAIN) -> ScriptedCall:
    """The bot is in the middle of a long answer, and the server owns the turns."""
    desk = ScriptedCall(settings)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 5_000))
    return desk.at(1_000)


def test_keys_are_told_as_one_message_after_a_pause_and_answered() -> None:
    desk = ScriptedCall(PLAIN)
    assert keys(desk, "4711") == []
    assert desk.call.state is State.HEARING
    assert waits(desk, 2_899) == []
    assert waits(desk, 2_900) == ["item message keys_1", "create"]
    assert told(desk) == [pressed_as("4711")]
    assert desk.call.state is State.THINKING


def test_the_finish_key_ends_them_and_is_none_of_them() -> None:
    desk = ScriptedCall(PLAIN)
    assert keys(desk, "47#") == ["item message keys_1", "create"]
    assert told(desk) == [pressed_as("47")]


def test_the_finish_key_alone_is_what_the_caller_wants_to_say() -> None:
    desk = ScriptedCall(PLAIN)
    keys(desk, "#")
    assert told(desk) == [pressed_as("#")]


def test_where_there_is_no_finish_key_it_is_a_key_like_any_other() -> None:
    desk = ScriptedCall(changed(PLAIN, keypad=KeypadRules(finish="")))
    keys(desk, "1#2")
    desk.at(5_000).tick()
    assert told(desk) == [pressed_as("1#2")]


def test_the_last_that_fits_ends_them() -> None:
    desk = ScriptedCall(PLAIN)
    assert keys(desk, "12345678") == ["item message keys_1", "create"]
    keys(desk, "9")
    desk.at(10_000).tick()
    assert told(desk) == [pressed_as("12345678"), pressed_as("9")]


def test_a_caller_who_presses_one_now_and_then_is_not_waited_for_without_end() -> None:
    desk = ScriptedCall(changed(PLAIN, keypad=KeypadRules(pause_s=2, longest_s=5)))
    keys(desk, "12", 1_900)
    desk.give(pressed("3"))
    assert waits(desk, 5_000) == ["item message keys_1", "create"]


def test_a_key_interrupts_and_the_server_that_hears_no_key_is_told_to_stop() -> None:
    desk = answering()
    assert desk.give(pressed("1")) == ["clear", "truncate A at 1000", "cancel R1"]
    assert desk.call.state is State.HEARING
    assert desk.give(delta("R1", "A", 200), done("R1", "cancelled")) == []
    assert waits(desk, 3_000) == ["item message keys_1", "create"]


def test_a_tone_that_passes_for_speech_cancels_nothing_twice() -> None:
    desk = answering()
    assert desk.give(speaks()) == ["clear", "truncate A at 1000"]
    assert desk.give(pressed("1")) == []


def test_an_answer_that_the_server_makes_of_the_tones_is_turned_away_and_one_comes_behind_the_keys() -> None:
    desk = answering()
    desk.give(speaks(), pressed("1"), done("R1", "cancelled"))
    desk.at(1_800).give(stops(), committed("U1"))
    assert desk.give(created("R2")) == ["cancel R2"]
    assert desk.give(delta("R2", "B", 500)) == []
    assert desk.give(done("R2", "cancelled")) == []
    assert waits(desk, 3_000) == ["item message keys_1", "create"]
    desk.give(created("R3"))
    assert desk.give(delta("R3", "C", 100))[-1] == "media 100"


def test_keys_that_end_while_the_caller_speaks_are_answered_with_what_they_say_once() -> None:
    desk = ScriptedCall(PLAIN)
    desk.give(speaks())
    assert keys(desk, "1#") == ["item message keys_1"]
    desk.give(stops(), committed("U1"), created("R1"))  # the server's own
    desk.give(delta("R1", "A", 300))
    assert desk.give(done("R1")) == []


def test_a_caller_who_stops_speaking_in_the_middle_of_the_keys_has_the_floor() -> None:
    desk = ScriptedCall(PLAIN)
    desk.give(speaks(), pressed("1"), stops())
    assert desk.call.state is State.HEARING


@pytest.mark.parametrize("barge_in", ["off", "after_greeting"])
def test_where_nobody_may_interrupt_keys_are_told_and_answered_behind_what_is_said(barge_in: str) -> None:
    desk = ScriptedCall(changed(GREETED, barge_in=barge_in))
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 5_000))
    desk.at(1_000)
    assert keys(desk, "42#") == ["item message keys_1"]
    assert desk.give(done("R1")) == ["create"]


def test_keys_in_the_announcement_interrupt_nothing_of_it() -> None:
    desk = ScriptedCall(changed(PLAIN, announcement="Notice.", announcement_audio=audio(4_000)))
    assert desk.at(1_000).give(pressed("1"))[:1] != ["clear"]
    assert "clear" not in desk.at(3_000).tick()
    assert told(desk) == [pressed_as("1")]


def test_keys_before_a_moment_of_the_greeting_was_heard_hold_it_back_and_it_comes_whole_behind_them() -> None:
    desk = ScriptedCall(GREETED)
    desk.give(created("R0"), added("R0", "G"), delta("R0", "G", 3_000))
    assert desk.at(500).give(pressed("5")) == ["clear"]
    out = desk.at(2_500).tick()
    assert "media 3000" in out
    assert told(desk) == [pressed_as("5")]
    assert desk.give(done("R0")) == ["create"]


def test_keys_before_the_session_is_ready_are_told_behind_the_request_for_the_greeting() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    desk.give(start(), events.SessionCreated(SESSION))
    assert keys(desk, "12#") == []
    out = desk.at(1_500).give(updated())
    assert out[0].startswith("create [")
    assert out[1] == "item message keys_1"
    desk.give(created("R0"), delta("R0", "G", 500))
    assert desk.give(done("R0")) == ["create"]
    assert told(desk) == [pressed_as("12")]


def test_keys_under_way_as_the_session_is_ready_are_told_once_they_are_all_there() -> None:
    desk = ScriptedCall(PLAIN, ready=False)
    desk.give(start(), events.SessionCreated(SESSION))
    keys(desk, "12")
    desk.give(updated())
    assert waits(desk, 2_300) == ["item message keys_1", "create"]


def test_keys_of_a_call_without_a_session_are_told_to_the_next_one_once() -> None:
    desk = ScriptedCall(PLAIN)
    desk.at(5_000).give(frame(5_000), ModelClosed("closed", 1006))
    keys(desk, "12#")
    desk.give(SessionWaiting())
    desk.give(events.SessionCreated(SESSION))
    out = desk.give(updated())
    assert out.count("create") == 1
    texts = [one.item["content"][0]["text"] for one in desk.sent(events.CreateItem)]
    assert texts.count(pressed_as("12")) == 1


def test_a_key_drops_a_hang_up() -> None:
    desk = ScriptedCall(PLAIN)
    desk.give(
        speaks(), stops(), committed(), created("R1"), delta("R1", "A", 800), function("R1", END_CALL), done("R1")
    )
    assert desk.call.state is State.CLOSING
    desk.at(400).give(pressed("1"))
    assert desk.call.state is State.HEARING
    desk.at(2_400).tick()
    assert told(desk) == [pressed_as("1")]


def test_a_caller_who_presses_keys_is_not_asked_whether_they_are_there() -> None:
    desk = ScriptedCall(changed(PLAIN, idle_s=3, keypad=KeypadRules(pause_s=0, longest_s=60)))
    keys(desk, "123", 2_500)
    desk.at(9_000).tick()
    assert desk.call.counts["idle_prompts"] == 0


def test_the_transcript_shows_them_as_a_turn_of_the_caller_with_its_time() -> None:
    desk = ScriptedCall(PLAIN).at(1_000)
    keys(desk, "47#")
    (turn,) = desk.turns
    assert (turn.who, turn.text, turn.began_us, turn.ended_us) == ("caller", pressed_as("47"), 1_000_000, 1_600_000)


@pytest.mark.parametrize("key", ["", "12", "x", "\uff15", "\n", "1; DROP", "#1"])
def test_what_is_no_key_is_counted_and_nothing_else(key: str) -> None:
    desk = answering()
    assert desk.give(pressed(key)) == []
    assert desk.call.counts["odd_keys"] == 1
    assert desk.call.counts["keys"] == 0


def test_a_key_of_another_stream_is_nothing() -> None:
    desk = answering()
    assert desk.give(pressed("1", "MZ2")) == []
    assert desk.call.state is State.SPEAKING


def test_a_key_once_the_bot_was_heard_leaves_alone_what_was_heard() -> None:
    desk = ScriptedCall(PLAIN)
    desk.reply("R1", A=400)
    desk.at(500).give(echo("e0.0"), echo("e0.1"), echo("e0.2"))
    assert "truncate" not in " ".join(desk.at(900).give(pressed("1")))


def test_a_shortcut_acts_as_the_models_own_call_would_and_nobody_answers_the_key() -> None:
    shortcuts = (Shortcut("9", END_CALL),)
    desk = ScriptedCall(changed(PLAIN, keypad=KeypadRules(shortcuts=shortcuts)))
    out = keys(desk, "9#")
    assert out == ["item message keys_1", "item function_call keys_1_call", "end bot_hung_up"]


def test_a_shortcut_is_a_digit_like_any_other_in_a_longer_number() -> None:
    desk = ScriptedCall(changed(PLAIN, keypad=KeypadRules(shortcuts=(Shortcut("9", END_CALL),))))
    assert keys(desk, "90#") == ["item message keys_1", "create"]


def test_a_shortcut_to_a_person_is_promised_and_carried_out_as_the_models_own_call() -> None:
    wish = '{"destination": "reception", "summary": "The caller pressed 0."}'
    rules = KeypadRules(shortcuts=(Shortcut("0", TRANSFER_CALL, wish),))
    desk = ScriptedCall(changed(PLAIN, keypad=rules, destinations=("reception",)))
    assert keys(desk, "0#") == ["item message keys_1", "item function_call keys_1_call", "check reception keys_1_call"]
    out = desk.give(TransferChecked("keys_1_call"))
    assert out == ["item function_call_output keys_1_call", "create"]
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 100), audio_done("R1", "A"), item_done("A"), done("R1"))
    assert desk.at(4_000).tick()[-2:] == ["transfer reception: The caller pressed 0.", "end transferred"]


def test_a_shortcut_to_a_function_that_there_is_not_is_answered_so() -> None:
    shortcuts = (Shortcut("0", "transfer", '{"destination": "reception"}'),)
    desk = ScriptedCall(changed(PLAIN, keypad=KeypadRules(shortcuts=shortcuts)))
    assert keys(desk, "0#") == [
        "item message keys_1",
        "item function_call keys_1_call",
        "item function_call_output keys_1_call",
        "create",
    ]
    assert desk.sent(events.CreateItem)[1].item["arguments"] == '{"destination": "reception"}'
