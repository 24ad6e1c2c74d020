"""An operator who takes a call over: the bot falls silent, they speak with the caller, and hand it back."""

from __future__ import annotations

import base64

import pytest

from bot.call.handoff.operator_on_line import GONE_US, HEARD_AGAIN_US, LEAD_BYTES, MOST_BYTES
from bot.call.inputs import (
    DailySpend,
    DialFailed,
    HandBack,
    Hint,
    ModelClosed,
    OperatorAudio,
    PhoneFull,
    SecretKey,
    SessionWaiting,
    Shutdown,
    TakeOver,
    ToolDone,
    TransferChecked,
    TransferWanted,
)
from bot.call.machines import KeypadStage, OperatorStage
from bot.call.outputs import RunTool
from bot.call.settings import CallSettings, KeypadRules, Money, Outgoing, SecretRules, Shortcut, ToolRules
from bot.call.states import State
from bot.realtime import events
from bot.realtime.failures import FailureKind
from bot.realtime.session import END_CALL, SessionSettings
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    SESSION,
    SID,
    ScriptedCall,
    added,
    audio,
    changed,
    committed,
    created,
    delta,
    done,
    error,
    frame,
    function,
    item_done,
    pressed,
    speaks,
    start,
    stops,
    updated,
)

PLAIN = CallSettings(filler_audio=audio(400), apology_audio=audio(300), response_s=8)
VOICE = OperatorAudio(audio(20, 0x33))
TAKE, BACK = TakeOver("Ada"), HandBack()


def talking(settings: CallSettings = PLAIN) -> ScriptedCall:
    """The caller has asked something, and a second of the bot's answer has been heard."""
    desk = ScriptedCall(settings)
    desk.at(100).give(speaks(), stops(), committed("U1"), events.CallerTranscript("U1", "Are you open?"))
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 5_000))
    desk.at(1_100)
    return desk


def taken(settings: CallSettings = PLAIN) -> ScriptedCall:
    """The operator has the call, of which all that the bot was saying is over."""
    desk = talking(settings)
    desk.give(TAKE, updated(), item_done("A"), done("R1", "cancelled"))
    return desk


def speaking(desk: ScriptedCall, ms: int) -> list[str]:
    """The operator's microphone brings so much, on time. All that went out."""
    out, first = [], desk.now_us // MS
    for at in range(first, first + ms, 20):
        while (desk.call.deadline_us or 2**63) <= at * MS:
            desk.at(max(desk.call.deadline_us or 0, desk.now_us) / MS)
            out += desk.tick()
        out += desk.at(at).give(VOICE)
    return out


def quiet(desk: ScriptedCall, ms: int) -> list[str]:
    """Nothing comes but the clock."""
    out, until_us = [], desk.now_us + ms * MS
    while desk.call.ended is None and (desk.call.deadline_us or 2**63) <= until_us:
        desk.at(max(desk.call.deadline_us or 0, desk.now_us) / MS)
        out += desk.tick()
    desk.at(until_us / MS)
    return out


def told(desk: ScriptedCall) -> list[str]:
    return [one.event for one in desk.reports]


def to_model(desk: ScriptedCall) -> str:
    """The last message to the model about the operator."""
    items = [one.item for one in desk.sent(events.CreateItem) if one.item["id"].startswith("operator_spoke")]
    return str(items[-1]["content"][0]["text"])


# ---- taking over ----


def test_the_bot_falls_silent_as_by_an_interruption() -> None:
    desk = talking()
    assert desk.give(TAKE) == ["clear", "truncate A at 1000", "cancel R1", "update us"]
    assert desk.call.operator == (OperatorStage.SPEAKING, "Ada")
    assert [(turn.text, turn.cut) for turn in desk.turns if turn.who == "bot"] == [(None, True)]
    assert told(desk)[-2:] == ["interrupted", "taken_over"]
    late = [delta("R1", "A", 400), item_done("A"), done("R1", "cancelled")]
    assert desk.give(*late) == []


def test_a_caller_who_is_speaking_then_is_heard_to_the_end_and_not_answered() -> None:
    desk = talking()
    desk.give(speaks())
    assert desk.give(TAKE) == ["update us"]
    assert desk.call.state is State.HEARING
    assert desk.give(stops(), committed("U2"), events.CallerTranscript("U2", "Hello?")) == []
    desk.give(item_done("A"), done("R1", "cancelled"))
    assert desk.call.state is State.LISTENING


def test_an_answer_that_was_due_or_asked_for_is_not_given() -> None:
    desk = talking()
    desk.give(item_done("A"), done("R1"), speaks(), stops(), committed("U2"))
    assert desk.give(TAKE)[:1] != ["create"]
    assert desk.give(created("R2")) == ["cancel R2"]
    assert desk.give(delta("R2", "B", 400), done("R2", "cancelled")) == []


def test_the_announcement_is_heard_first_and_the_greeting_never() -> None:
    desk = ScriptedCall(changed(PLAIN, greeting="Hello.", announcement_audio=audio(2_000)))
    desk.at(100).give(created("R0"), added("R0", "G"), delta("R0", "G", 3_000))
    assert desk.at(500).give(TAKE) == []
    assert told(desk)[-1] == "take_over_waits"
    assert desk.give(VOICE) == []
    heard: list[str] = []
    for at in range(600, 5_000, 100):
        heard += desk.at(at).give(VOICE) + desk.tick()
        if desk.call.operator[0] is OperatorStage.SPEAKING:
            break
    assert desk.now_us >= 2_000 * MS
    assert "clear" in heard
    assert "taken_over" in told(desk)
    assert not desk.call.transcript.words_of("G")


def test_an_operator_who_waits_may_go_away_again() -> None:
    desk = ScriptedCall(changed(PLAIN, announcement_audio=audio(2_000)))
    desk.at(500).give(TAKE, BACK)
    assert told(desk)[-1] == "take_over_called_off"
    assert desk.call.operator[0] is OperatorStage.AWAY


def test_one_of_whom_nothing_comes_while_they_wait_has_gone_too() -> None:
    desk = ScriptedCall(changed(PLAIN, announcement_audio=audio(9_000)))
    desk.at(500).give(TAKE)
    quiet(desk, GONE_US // MS + 50)
    assert desk.call.operator[0] is OperatorStage.AWAY


def test_the_call_that_is_made_is_theirs_once_a_person_is_there_for_certain() -> None:
    desk = ScriptedCall(changed(PLAIN, outgoing=Outgoing()))
    desk.at(500).give(TAKE)
    assert told(desk)[-1] == "take_over_waits"


def test_a_hang_up_that_the_model_asked_for_is_dropped() -> None:
    desk = talking()
    desk.give(function("R1", END_CALL), item_done("A"), done("R1"))
    assert desk.call.state is State.CLOSING
    out = desk.give(TAKE)
    assert "item function_call_output call_1" in out
    speaking(desk, 3_000)
    assert desk.call.ended is None
    assert "hang_up_dropped" in told(desk)


def test_a_tool_that_waits_for_a_key_is_not_done_nor_approved_by_a_key_that_is_pressed_afterwards() -> None:
    desk = talking(changed(PLAIN, tools=(ToolRules("pay", approval="key"),)))
    desk.give(function("R1", "pay"), item_done("A"), done("R1"))
    assert "item function_call_output call_1" in desk.at(8_000).give(TAKE)
    desk.give(BACK, created("R2"), added("R2", "B"), delta("R2", "B", 2_000), item_done("B"), done("R2"))
    desk.at(11_000).give(pressed("1"))
    assert not desk.sent(RunTool)


def test_nor_is_one_that_a_key_stands_for_while_they_speak() -> None:
    keypad = KeypadRules(shortcuts=(Shortcut("5", "pay"),))
    desk = taken(changed(PLAIN, tools=(ToolRules("pay", approval="key"),), keypad=keypad))
    desk.give(pressed("5"))
    assert "item function_call_output keys_1_call" in speaking(desk, 3_000)
    desk.give(BACK, created("R2"), added("R2", "B"), delta("R2", "B", 2_000), item_done("B"), done("R2"))
    desk.at(9_000).give(pressed("1"))
    assert not desk.sent(RunTool)


def test_a_call_whose_goodbye_is_due_is_not_taken_over() -> None:
    desk = talking(changed(PLAIN, money=Money(daily_cap=100)))
    desk.give(DailySpend(100))
    assert desk.give(TAKE) == []
    assert told(desk)[-1] == "take_over_refused"


def test_the_second_operator_is_refused() -> None:
    desk = taken()
    assert desk.give(TakeOver("Grace")) == []
    assert desk.reports[-1].details == {"by": "Grace", "why": "taken_over_already"}
    assert desk.call.operator == (OperatorStage.SPEAKING, "Ada")


# ---- the operator's voice ----


def test_their_voice_goes_to_the_phone_behind_a_moment_of_silence() -> None:
    desk = taken()
    assert desk.give(VOICE) == ["mark e1.0", f"media {LEAD_BYTES // 8}", "media 20"]
    assert desk.at(1_120).give(VOICE) == ["media 20"]
    assert speaking(desk.at(1_140), 1_000).count("media 20") == 50


def test_the_phone_never_has_more_than_a_moment_to_play() -> None:
    desk = taken()
    for _ in range(100):  # the browser stood still, and sends all at once
        desk.give(VOICE)
    assert desk.call.playout.ledger.ahead_bytes(desk.now_us) <= MOST_BYTES
    assert desk.call.counts["operator_frames_dropped"] == 93
    assert desk.at(1_300).give(VOICE)[-1] == "media 20"


def test_a_frame_that_comes_too_late_gets_its_silence_again() -> None:
    desk = taken()
    desk.give(VOICE)
    assert desk.at(1_400).give(VOICE)[-2:] == [f"media {LEAD_BYTES // 8}", "media 20"]


def test_nothing_adds_up_while_the_phone_takes_nothing() -> None:
    desk = taken()
    desk.give(PhoneFull())
    speaking(desk, 2_000)
    assert desk.call.playout.ahead_bytes(desk.now_us) <= MOST_BYTES


def test_a_caller_who_speaks_cuts_nobody_short() -> None:
    desk = taken()
    speaking(desk, 200)
    out = desk.give(speaks()) + speaking(desk, 400) + desk.give(stops(), committed("U2"))
    assert "clear" not in out
    assert not [one for one in out if one.startswith(("create", "truncate"))]
    assert not [turn for turn in desk.turns if turn.item_id.startswith("operator")]


def test_the_callers_audio_goes_on_to_the_model() -> None:
    assert taken().give(frame(0)) == ["append 20"]


def test_frames_without_a_call_taken_over_are_nothing() -> None:
    desk = talking()
    assert desk.give(VOICE, BACK) == []


# ---- what would speak meanwhile ----


def test_nothing_is_said_however_long_it_lasts() -> None:
    desk = taken(changed(PLAIN, idle_s=5, no_progress_s=20))
    out = speaking(desk, 1_000)
    for number in range(8):
        out += desk.give(speaks()) + speaking(desk, 2_000) + desk.give(stops(), committed(f"V{number}"))
        out += desk.give(events.CallerTranscript(f"V{number}", "yes yes yes")) + speaking(desk, 8_000)
    assert desk.call.ended is None
    assert {one.split()[0] for one in out} <= {"media", "mark", "append"}
    assert not {"filler_played", "idle_prompt", "response_overdue"} & set(told(desk))


def test_the_answer_of_a_server_that_owns_the_turns_is_cancelled() -> None:
    desk = taken()
    desk.give(speaks(), stops(), committed("U2"))
    assert desk.give(created("RX")) == ["cancel RX"]
    assert desk.give(delta("RX", "X", 400), done("RX", "cancelled")) == []


def test_a_tool_that_finishes_gives_its_result_and_no_answer_until_the_call_is_back() -> None:
    desk = talking(changed(PLAIN, tools=(ToolRules("look_up"),)))
    desk.give(function("R1", "look_up"), item_done("A"), done("R1"), TAKE)
    assert desk.give(ToolDone("call_1", "{}")) == ["item function_call_output call_1"]
    assert "create" not in speaking(desk, 3_000)
    assert "create" in desk.give(BACK)


def test_keys_are_told_to_the_model_and_not_answered() -> None:
    desk = taken()
    desk.give(pressed("4", SID), pressed("2", SID))
    out = speaking(desk, 4_000)
    assert "item message keys_1" in out
    assert "create" not in out


def test_digits_for_a_tool_alone_stay_that_and_are_waited_for() -> None:
    tools = (ToolRules("pay", secret=SecretRules(least=2, most=2)),)
    desk = talking(changed(PLAIN, tools=tools))
    desk.give(function("R1", "pay"), item_done("A"), done("R1"))
    desk.give(TAKE)
    assert desk.call._parts.floor.keypad_stage is KeypadStage.HIDDEN
    out = speaking(desk, 500) + desk.give(SecretKey("call_1", "digit")) + speaking(desk, 100)
    assert "clear" not in out
    assert desk.give(SecretKey("call_1", "digit")) == ["run pay call_1"]
    assert "create" not in desk.give(ToolDone("call_1", "{}")) + speaking(desk, 500)


def test_a_hint_is_known_when_the_call_is_back() -> None:
    assert taken().give(Hint("Offer the afternoon.")) == ["item message operator_hint_0"]


def test_a_transfer_waits_for_no_promise_since_the_caller_was_told_by_a_person() -> None:
    desk = taken(changed(PLAIN, destinations=("sales",)))
    speaking(desk, 500)
    asked = desk.give(TransferWanted("sales", "A boat."), speaks())
    call_id = next(one for one in asked if one.startswith("check")).split()[-1]
    assert desk.give(TransferChecked(call_id))[-2:] == ["transfer sales: A boat.", "end transferred"]


def test_a_destination_that_is_not_free_leaves_the_operator_with_the_caller() -> None:
    desk = taken(changed(PLAIN, destinations=("sales",)))
    asked = desk.give(TransferWanted("sales"))
    call_id = next(one for one in asked if one.startswith("check")).split()[-1]
    assert "create" not in desk.give(TransferChecked(call_id, "Closed.")) + speaking(desk, 500)
    assert desk.call.operator[0] is OperatorStage.SPEAKING


# ---- handing back ----


def test_the_bot_goes_on_at_once_and_knows_what_it_missed() -> None:
    desk = taken()
    speaking(desk, 1_000)
    for number in (2, 3):
        desk.give(speaks(), stops(), committed(f"U{number}"), events.CallerTranscript(f"U{number}", "On Friday."))
    speaking(desk, 9_000)
    out = desk.give(BACK)
    assert out == ["clear", "item message operator_spoke_0", "update server", "create"]
    assert "for 9 seconds" in to_model(desk)
    assert "last 2 turns" in to_model(desk)
    assert "handed the call back" in to_model(desk)
    assert desk.reports[-1].details == {"by": "Ada", "why": "asked", "seconds": 9, "turns": 2}
    assert "media 400" in desk.give(created("R9"), added("R9", "Z"), delta("R9", "Z", 400))
    assert not [wait for wait in desk.waits if wait[0] == "byte_sent" and wait[1] > 5_000]


def test_a_caller_who_speaks_as_it_is_handed_back_is_answered_after_that() -> None:
    desk = taken()
    speaking(desk, 500)
    desk.give(speaks())
    assert desk.give(BACK) == ["clear", "item message operator_spoke_0"]
    out = desk.give(stops(), committed("U2"))
    assert [one for one in out if one.startswith("create")] == ["create"]


def test_where_the_bot_may_not_be_interrupted_the_turns_stay_ours() -> None:
    desk = taken(changed(PLAIN, barge_in="off"))
    assert "update server" not in desk.give(BACK) + speaking(desk, 200)


def test_one_of_whom_nothing_more_comes_is_gone_and_the_caller_hears_something_in_time() -> None:
    desk = taken()
    speaking(desk, 1_000)
    out = quiet(desk, GONE_US // MS + 20)
    assert out[-4:-1] == ["item message operator_spoke_0", "update server", "create"]
    assert desk.reports[-1].details["why"] == "lost"
    assert "line was lost" in to_model(desk)
    heard = quiet(desk, HEARD_AGAIN_US // MS)
    assert "media 400" in heard, "a filler, since no answer has come"


def test_the_operator_who_left_the_page_is_told_of_as_such() -> None:
    desk = taken()
    desk.give(HandBack("left"))
    assert "colleague has left" in to_model(desk)
    assert "said nothing meanwhile" in to_model(desk)


def test_a_second_time_is_told_of_by_itself() -> None:
    desk = taken()
    desk.give(BACK, created("R2"), added("R2", "B"), delta("R2", "B", 2_000))
    assert desk.at(2_000).give(TAKE)[:3] == ["clear", "truncate B at 900", "cancel R2"]
    desk.give(updated(), updated(), done("R2", "cancelled"), VOICE)
    assert desk.give(BACK)[-3:-1] == ["item message operator_spoke_1", "update server"]


def test_a_server_that_has_not_yet_left_the_turns_gets_them_back_once_it_has() -> None:
    desk = talking()
    desk.give(TAKE, item_done("A"), done("R1", "cancelled"))
    assert "update server" not in desk.give(BACK)
    assert desk.give(updated()) == ["update server"]
    desk.give(updated())
    assert desk.call.session.turn_ownership.server_acts


# ---- bounds ----


def test_at_a_bound_the_bot_has_the_call_again_to_say_goodbye() -> None:
    desk = taken(changed(PLAIN, money=Money(daily_cap=100)))
    desk.give(updated(), updated())
    speaking(desk, 1_000)
    out = desk.give(DailySpend(100))
    assert out[:2] == ["clear", "item message operator_spoke_0"]
    assert out[-1].startswith("create [")
    assert "handed_back" in told(desk)
    assert "tell the caller that you are back" not in to_model(desk)


def test_a_caller_who_still_speaks_as_they_are_handed_back_is_not_told_goodbye_for_it() -> None:
    desk = taken(changed(PLAIN, no_progress_s=20))
    desk.give(speaks())
    speaking(desk, 30_000)
    desk.give(BACK)
    quiet(desk, 1_000)
    assert "no_progress" not in told(desk)
    quiet(desk, 21_000)
    assert "no_progress" in told(desk)


def test_an_operator_who_waits_is_told_at_once_that_a_bound_was_reached() -> None:
    desk = ScriptedCall(changed(PLAIN, announcement_audio=audio(9_000), money=Money(daily_cap=100)))
    desk.at(500).give(TAKE, DailySpend(100))
    assert desk.reports[-1].details == {"by": "Ada", "why": "limit"}


def test_near_a_bound_nothing_is_heard() -> None:
    desk = taken(changed(PLAIN, money=Money(daily_cap=100)))
    assert desk.give(DailySpend(90)) == ["item message wrap_up"]


def test_the_longest_call_is_no_longer_for_them() -> None:
    desk = taken(changed(PLAIN, max_call_s=20))
    speaking(desk, 25_000)
    assert desk.call.operator[0] is OperatorStage.AWAY
    assert "time_limit_reached" in told(desk)


# ---- the session ----


def lose(desk: ScriptedCall) -> list[str]:
    return desk.give(ModelClosed("closed", 1006))


def test_another_session_is_told_who_has_the_floor_and_asked_for_nothing() -> None:
    desk = taken()
    lose(desk)
    desk.give(SessionWaiting(), events.SessionCreated(SESSION))
    out = desk.give(updated())
    assert "update us" in out or desk.call.session.turn_ownership.server_owns is False
    assert not [one for one in out if one.startswith(("create", "clear", "media"))]
    assert "create" not in speaking(desk, 2_000)


def test_a_call_without_a_session_goes_on_while_a_person_speaks() -> None:
    desk = taken()
    lose(desk)
    out = desk.give(DialFailed("bad_key", 401)) + speaking(desk, 30_000)
    assert desk.call.ended is None
    assert {one.split()[0] for one in out} <= {"media", "mark"}
    desk.give(BACK)
    quiet(desk, 1_100)
    assert desk.call.ended == "model_unavailable"


def test_an_outage_may_be_over_when_the_call_is_handed_back() -> None:
    desk = taken()
    lose(desk)
    for _ in range(14):
        desk.give(DialFailed("unreachable"))
        speaking(desk, 2_500)
    assert desk.call.ended is None
    assert "dial" in desk.give(BACK)
    desk.give(SessionWaiting(), events.SessionCreated(SESSION))
    out = desk.give(updated())
    assert "item message operator_spoke_0" in out
    assert "create" in out
    assert "tell the caller that you are back" in to_model(desk)


def test_an_error_that_would_end_the_call_does_not_end_it_under_a_person() -> None:
    desk = taken()
    desk.give(error("insufficient_quota", kind="insufficient_quota"))
    speaking(desk, 5_000)
    assert desk.call.ended is None


def test_a_session_that_comes_later_knows_of_it_and_does_not_go_on_twice() -> None:
    desk = taken()
    desk.give(BACK)
    desk.give(created("R2"), added("R2", "B"), delta("R2", "B", 400), item_done("B"), done("R2"))
    desk.at(8_000).tick()
    lose(desk)
    desk.give(SessionWaiting(), events.SessionCreated(SESSION), updated())
    assert "you did not hear" in to_model(desk)
    assert "tell the caller that you are back" not in to_model(desk)


def test_a_lost_session_is_told_nothing_and_the_next_one_of_the_turns_once() -> None:
    desk = talking()
    lose(desk)
    assert desk.give(TAKE) == ["clear"]
    desk.give(SessionWaiting(), events.SessionCreated(SESSION))
    assert desk.give(updated()).count("update us") == 1
    desk.give(updated())
    speaking(desk, 500)
    assert "update server" in desk.give(BACK)
    assert "update server" not in desk.give(updated())
    assert desk.call.session.turn_ownership.server_acts


def test_a_dial_on_its_way_as_it_is_handed_back_is_waited_for() -> None:
    desk = taken()
    lose(desk)
    speaking(desk, 9_000)
    desk.give(DialFailed("timeout"))
    speaking(desk, 3_000)
    desk.give(BACK)
    quiet(desk, 1_500)
    assert desk.call.ended is None
    desk.give(SessionWaiting(), events.SessionCreated(SESSION))
    assert "create" in desk.give(updated())


def unready() -> ScriptedCall:
    """A recorded greeting is heard, and no session has been ready so far."""
    desk = ScriptedCall(changed(PLAIN, greeting="Hello.", greeting_audio=audio(1_500)), ready=False)
    desk.give(start())
    return desk


def test_a_session_that_is_never_ready_ends_no_call_that_a_person_has() -> None:
    desk = unready()
    desk.at(1_300).give(TAKE)
    speaking(desk, 20_000)
    assert desk.call.ended is None
    assert told(desk).count("limit_reached") == 1
    desk.give(BACK, DialFailed("unreachable"))
    assert "dial" in quiet(desk, 300)
    desk.give(SessionWaiting(), events.SessionCreated(SESSION), updated())
    quiet(desk, 2_000)
    assert desk.call.ended is None


def test_the_limit_holds_for_a_person_too_where_no_session_ever_was_and_the_caller_is_told_goodbye() -> None:
    """It was broken off in the middle of a word, a minute after the limit."""
    settings = changed(PLAIN, greeting="Hello.", greeting_audio=audio(1_500), max_call_s=30)
    desk = ScriptedCall(settings, ready=False)
    desk.give(start())
    desk.at(1_300).give(TAKE)
    speaking(desk, 28_000)
    assert desk.call.operator[0] is OperatorStage.SPEAKING
    speaking(desk, 1_000)
    assert (desk.call.operator[0], desk.reports[-1].details["why"]) == (OperatorStage.AWAY, "limit")
    quiet(desk, 11_000)
    assert desk.call.ended == "time_limit"  # for which the shell has a sentence


def test_a_first_session_that_is_ready_while_an_operator_speaks_is_told_to_wrap_up() -> None:
    settings = changed(PLAIN, greeting="Hello.", greeting_audio=audio(1_500), money=Money(daily_cap=100))
    desk = ScriptedCall(settings, ready=False)
    desk.give(start(), DailySpend(90))
    desk.at(1_300).give(TAKE)
    speaking(desk, 1_000)
    assert "item message wrap_up" in desk.give(SessionWaiting(), events.SessionCreated(SESSION), updated())


def test_a_call_that_is_handed_back_as_its_first_session_is_given_up_ends_as_any_without_one() -> None:
    desk = unready()
    desk.at(1_300).give(TAKE)
    speaking(desk, 6_600)
    assert desk.give(BACK) == ["clear"]
    quiet(desk, 200)
    assert desk.call.ended == "model_unavailable"  # for which the shell has a sentence


@pytest.mark.parametrize("failure", ["bad_key", "unreachable"])
def test_one_that_is_not_to_be_had_ends_the_call_once_the_bot_has_it_again(failure: FailureKind) -> None:
    desk = unready()
    desk.at(1_300).give(TAKE, ModelClosed(failure, 401))
    for _ in range(4):
        desk.give(DialFailed(failure))
        speaking(desk, 3_000)
    assert desk.call.ended is None
    desk.give(BACK)
    for _ in range(4):
        quiet(desk, 3_000)
        desk.give(DialFailed(failure))
    assert desk.call.ended == "model_unavailable"


# ---- the end ----


@pytest.mark.parametrize("reason", ["caller_hung_up", "bot_hung_up"])
def test_the_end_of_the_call_ends_it(reason: str) -> None:
    desk = taken()
    speaking(desk, 300)
    ends = stream.Stop(SID) if reason == "caller_hung_up" else Shutdown("bot_hung_up")
    out = desk.give(ends)  # type: ignore[arg-type]
    assert out[-1] == f"end {reason}"
    assert desk.reports[-1].details["why"] == "call_over"
    assert desk.give(VOICE, BACK, TAKE) == []


def test_their_voice_is_what_the_phone_was_given() -> None:
    desk = taken()
    before = len(desk.heard_by_phone())
    speaking(desk, 400)
    assert desk.heard_by_phone()[before + LEAD_BYTES :] == base64.b64decode(VOICE.payload) * 20


def test_it_goes_with_a_session_that_can_not_leave_the_turns() -> None:
    desk = taken(changed(PLAIN, session=SessionSettings(model="grok-voice-latest", dialect="xai")))
    assert not desk.call.session.turn_ownership.may_leave
    desk.give(speaks(), stops(), committed("U2"))
    assert desk.give(created("RX"))[:1] == ["cancel RX"]
