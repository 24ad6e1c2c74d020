"""A call's whole conduct: opening, taking turns, errors, ending. The eight situations are in test_situations."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest

from bot.call.call import Input
from bot.call.handoff.end_call import NOT_NOW, TOO_EARLY
from bot.call.inputs import ModelClosed, Note, PhoneClosed, PhoneFull, PhoneRoom, Refused, Shutdown
from bot.call.outputs import Report
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.call.tool_calls.function_calls import NO_SUCH_FUNCTION
from bot.realtime import events
from bot.realtime.session import END_CALL, SessionSettings, session_object
from bot.twilio import stream
from tests.call.scripted_call import (
    ACCOUNT,
    CALL,
    SESSION,
    SID,
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
    error,
    frame,
    function,
    item_done,
    pressed,
    speaks,
    start,
    stops,
    updated,
    words,
)

GREETED = CallSettings(greeting="Hello.", session=SessionSettings(instructions="Be kind."))
CREATE_GREETING = "create ['instructions']"


# ---- opening ----


def test_the_session_is_configured_as_soon_as_it_exists() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    (update,) = desk.raw(events.SessionCreated(SESSION))
    assert update == events.UpdateSession(session_object(GREETED.session, server_owns_turns=False), "session_1")


def test_the_greeting_is_made_while_the_phone_connects_and_played_from_its_first_byte() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    assert desk.give(events.SessionCreated(SESSION), updated()) == ["update us", CREATE_GREETING]
    greeting = base64.b64encode(bytes(range(200))).decode()
    said = events.AudioDelta("R1", "A", greeting)
    assert desk.at(500).give(created("R1"), added("R1", "A"), said, delta("R1", "A", 900)) == []
    assert desk.call.state is State.OPENING
    assert desk.at(1_500).give(start()) == ["mark e0.0", "media 25", "media 900", "mark e0.1"]
    assert desk.heard_by_phone()[:200] == bytes(range(200))
    assert desk.call.state is State.SPEAKING
    desk.at(2_000).give(delta("R1", "A", 500))
    assert desk.at(2_500).tick()[-1:] == ["update server"]  # a moment of it has been heard
    assert desk.give(updated()) == []
    assert desk.at(2_600).give(speaks()) == ["clear", "truncate A at 1100"]


def test_the_phone_may_be_first() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    assert desk.give(start()) == []
    assert desk.call.started
    assert desk.give(events.SessionCreated(SESSION)) == ["update us"]
    assert desk.call.state is State.OPENING
    assert desk.give(updated()) == [CREATE_GREETING]
    assert desk.call.state is State.THINKING
    assert desk.give(created("R1"), delta("R1", "A", 100)) == ["mark e0.0", "media 100"]


def test_the_greeting_asks_for_its_words_and_keeps_the_instructions() -> None:
    desk = ScriptedCall(GREETED)
    (request,) = desk.sent(events.CreateResponse)
    assert request.response["instructions"].startswith("Be kind.")
    assert request.response["instructions"].endswith("Hello.")


def test_without_a_greeting_the_caller_speaks_first() -> None:
    desk = ScriptedCall()
    assert desk.sent(events.CreateResponse) == []
    assert desk.call.state is State.LISTENING


def test_no_audio_of_the_caller_goes_out_before_the_session_is_ready() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    assert desk.give(start(), frame(0), events.SessionCreated(SESSION), frame(20)) == ["update us"]
    assert desk.give(updated()) == [CREATE_GREETING, "append 20", "append 20"]
    assert desk.give(frame(40)) == ["append 20"]


def in_formats(heard: str, spoken: str) -> events.SessionUpdated:
    sides = events.AudioSide(events.Format(heard)), events.AudioSide(events.Format(spoken))
    return events.SessionUpdated(events.Session(audio=events.Audio(*sides)))


@pytest.mark.parametrize("kind", ["audio/opus", ""])
@pytest.mark.parametrize("side", ["input", "output"])
def test_a_session_in_a_format_nobody_speaks_is_no_model(kind: str, side: str) -> None:
    desk = ScriptedCall(ready=False)
    desk.give(start(), events.SessionCreated(SESSION))
    echoed = in_formats(kind, "audio/pcmu") if side == "input" else in_formats("audio/pcmu", kind)
    assert desk.give(echoed) == ["end model_unavailable"]
    (report,) = [one for one in desk.reports if one.event == "format_mismatch"]
    assert report.level == "warning"
    assert f"{side} {kind or 'unset'}" in report.details["why"]


def test_a_session_in_another_format_is_transcoded_before_it_hears_a_word() -> None:
    desk = ScriptedCall(ready=False)
    desk.give(start(), frame(0), events.SessionCreated(SESSION))
    told = desk.give(in_formats("audio/pcm", "audio/pcma"))
    assert told[0] == "transcode audio/pcm audio/pcma"
    assert "append 20" in told[1:]
    assert [one.details for one in desk.reports if one.event == "transcoding"] == [
        {"heard": "audio/pcm", "spoken": "audio/pcma"}
    ]


def test_a_format_that_changes_later_is_followed_and_told_once() -> None:
    desk = ScriptedCall()
    assert desk.give(in_formats("audio/pcm", "audio/pcm")) == ["transcode audio/pcm audio/pcm"]
    assert desk.give(in_formats("audio/pcm", "audio/pcm")) == []
    assert desk.give(in_formats("audio/pcmu", "audio/pcmu")) == ["transcode audio/pcmu audio/pcmu"]


def test_a_format_that_is_lost_later_ends_the_call() -> None:
    assert ScriptedCall().give(events.SessionUpdated(events.Session())) == []
    assert ScriptedCall().give(in_formats("audio/opus", "audio/pcmu")) == ["end model_unavailable"]


@pytest.mark.parametrize(
    ("problem", "ends"),
    [
        (error("unknown_parameter", "session_1"), True),
        (error("insufficient_quota"), True),
        (error("invalid_api_key"), False),  # the server closes by itself
        (error("server_error", None, "server_error"), False),
    ],
)
def test_a_refused_session_update_ends_a_call_that_is_not_ready(problem: events.Error, ends: bool) -> None:
    desk = ScriptedCall(ready=False)
    desk.give(start(), events.SessionCreated(SESSION))
    assert desk.give(problem) == (["end model_unavailable"] if ends else [])


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (start(call_sid="CA2"), "another call or account"),
        (start(account_sid="AC2"), "another call or account"),
        (start(encoding="audio/x-alaw"), "audio/x-alaw"),
    ],
)
def test_a_stream_that_is_not_ours_is_refused_before_anything_is_said(refused: stream.Start, why: str) -> None:
    desk = ScriptedCall(changed(GREETED, call_sid=CALL, account_sid=ACCOUNT), ready=False)
    desk.give(events.SessionCreated(SESSION), updated(), created("R1"), delta("R1", "A", 500))
    assert desk.give(refused) == ["end refused"]
    assert why in desk.reports[-1].details["why"]
    assert desk.heard_by_phone() == b""


def test_the_right_start_is_taken_and_a_second_one_counted() -> None:
    desk = ScriptedCall(changed(GREETED, call_sid=CALL, account_sid=ACCOUNT))
    assert desk.call.started
    assert desk.give(start(call_sid="CA2")) == []
    assert desk.call.counts["duplicate_start"] == 1


def test_messages_of_another_stream_are_counted_and_nothing_else() -> None:
    desk = ScriptedCall(ready=False)
    assert desk.give(frame(0)) == []
    desk.give(start(), events.SessionCreated(SESSION), updated())
    others: list[Input] = [frame(0, sid="MZ2"), echo("e0.0", "MZ2"), stream.Stop("MZ2"), stream.Stop("")]
    others += [stream.Dtmf(stream.DtmfPart("1"), "MZ2")]
    assert desk.give(*others) == []
    assert desk.call.counts == {"before_start": 1, "foreign_stream": 5}
    assert desk.give(stream.Dtmf(stream.DtmfPart("1"), SID), Refused("phone>bot", "not_json")) == []
    assert desk.call.counts["keys"] == desk.call.counts["refused_not_json"] == 1


# ---- taking turns ----


def test_when_the_server_owns_the_turns_we_neither_create_nor_cancel() -> None:
    desk = ScriptedCall()
    assert desk.give(speaks(), stops(), committed(), created("R1"), delta("R1", "A", 900)) == [
        "mark e0.0",
        "media 900",
        "mark e0.1",
    ]
    assert desk.at(500).give(speaks(), done("R1", "cancelled"), stops(), committed()) == ["clear", "truncate A at 500"]
    assert desk.sent(events.CreateResponse) == desk.sent(events.CancelResponse) == []


@pytest.mark.parametrize("barge_in", ["after_greeting", "off"])
def test_when_we_own_the_turns_a_committed_turn_is_answered_by_us(barge_in: str) -> None:
    desk = ScriptedCall(CallSettings(barge_in=barge_in))
    assert desk.outputs[0] == events.UpdateSession(
        session_object(SessionSettings(), server_owns_turns=False), "session_1"
    )
    assert desk.give(speaks(), stops()) == []
    assert desk.call.state is State.THINKING
    assert desk.give(committed()) == ["create"]


def test_off_means_off() -> None:
    """The caller talks over the reply: it plays on, and what they said is answered when it has been generated."""
    desk = ScriptedCall(CallSettings(barge_in="off"))
    desk.give(speaks(), stops(), committed(), created("R1"), added("R1", "A"), delta("R1", "A", 3_000))
    assert desk.at(1_000).give(speaks(), stops(), committed()) == []
    assert desk.give(delta("R1", "A", 500)) == ["media 500", "mark e0.2"]
    assert desk.give(audio_done("R1", "A"), done("R1")) == ["create"]
    assert desk.call.counts["interruptions_refused"] == 1
    assert desk.sent(stream.Clear) == []


def test_who_talks_on_past_a_reply_that_they_may_not_cut_is_heard_out() -> None:
    """They are neither idle nor unanswered: the model's time runs from the end of their turn."""
    desk = ScriptedCall(CallSettings(barge_in="off", idle_s=5))
    desk.give(speaks(), stops(), committed())
    desk.reply("R1", A=1_000)
    desk.give(echo("e0.0"))
    desk.at(500).give(speaks())
    assert desk.at(1_000).give(echo("e0.1")) == []
    assert desk.call.state is State.HEARING
    assert desk.at(9_000).give(frame(0)) == ["append 20"]
    assert desk.tick() == ["mark e0.2"]  # on the empty buffer, for the round trip
    assert desk.at(9_050).give(stops()) == []
    assert desk.call.state is State.THINKING
    assert desk.give(committed()) == ["create"]
    assert desk.at(17_049).tick()[-1] != "create"
    assert desk.at(17_050).tick()[-1] == "create"


def test_after_the_greeting_it_may_be_cut_and_we_cancel() -> None:
    desk = ScriptedCall(changed(GREETED, barge_in="after_greeting"))
    desk.reply("R1", A=1_000)
    desk.give(echo("e0.0"))
    assert desk.at(500).give(speaks(), stops(), committed()) == ["create"]
    assert desk.sent(stream.Clear) == []
    desk.at(1_000).give(echo("e0.1"))
    assert desk.give(created("R2"), added("R2", "B"), delta("R2", "B", 2_000)) == [
        "mark e0.2",
        "media 2000",
        "mark e0.3",
    ]
    assert desk.at(1_800).give(speaks()) == ["clear", "truncate B at 800", "cancel R2"]
    assert desk.give(stops(), committed()) == []  # one at a time: R2 must be over first
    assert desk.give(done("R2", "cancelled")) == ["create"]


def test_a_reply_right_behind_the_greeting_may_be_cut_too() -> None:
    """Its audio follows without a pause, so there was no moment of silence to end the greeting."""
    desk = ScriptedCall(changed(GREETED, barge_in="after_greeting"))
    desk.reply("R1", A=1_000)
    desk.at(500).give(speaks(), stops(), committed())
    desk.give(created("R2"), delta("R2", "B", 3_000))
    assert desk.at(999).give(speaks(), stops(), committed()) == []
    assert desk.at(1_600).give(speaks()) == ["clear", "truncate B at 600", "cancel R2"]


def test_one_cut_is_one_cancel() -> None:
    desk = ScriptedCall(CallSettings(barge_in="after_greeting"))
    desk.give(speaks(), stops(), committed(), created("R1"), delta("R1", "A", 900))
    assert desk.at(100).give(speaks()) == ["clear", "truncate A at 100", "cancel R1"]
    assert desk.give(stops(), speaks()) == []
    assert desk.call.counts["interruptions"] == 1


def test_a_caller_who_speaks_before_the_response_asked_for_exists_is_not_talked_over() -> None:
    desk = ScriptedCall(CallSettings(barge_in="after_greeting"))
    assert desk.give(speaks(), stops(), committed()) == ["create"]
    assert desk.at(100).give(speaks()) == []
    assert desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 500)) == ["cancel R1"]
    assert desk.give(done("R1", "cancelled")) == ["delete A"]
    assert desk.at(900).give(stops(), committed()) == ["create"]
    assert desk.give(created("R2"), delta("R2", "B", 200)) == ["mark e1.0", "media 200", "mark e1.1"]


def test_nobody_is_answered_while_they_speak() -> None:
    desk = ScriptedCall(CallSettings(barge_in="after_greeting"))
    desk.give(speaks(), stops())
    assert desk.give(speaks(), committed()) == []
    assert desk.give(stops()) == ["create"]


def test_late_deltas_of_a_cut_response_are_never_heard_even_when_another_speaks() -> None:
    desk = ScriptedCall()
    desk.give(created("R1"), delta("R1", "A", 900))
    desk.at(100).give(speaks(), stops(), committed(), created("R2"))
    assert desk.give(delta("R1", "A", 100), delta("R2", "B", 100), delta("R1", "A", 100)) == ["mark e1.0", "media 100"]
    assert desk.give(done("R1", "cancelled"), delta("R1", "A", 100)) == []
    assert desk.call.counts["late_deltas"] == 3


def test_deltas_of_a_reply_that_was_generated_and_then_cut_are_not_heard() -> None:
    desk = ScriptedCall()
    desk.reply("R1", A=900)
    assert desk.at(100).give(speaks()) == ["clear", "truncate A at 100"]
    assert desk.give(delta("R1", "A", 100)) == []


def test_deltas_of_a_response_nobody_announced_are_not_heard() -> None:
    assert ScriptedCall().give(delta("R9", "A", 100), words("R9", "A", "nothing")) == []


def test_another_response_in_the_way_is_waited_for() -> None:
    desk = ScriptedCall(CallSettings(barge_in="off"))
    assert desk.give(speaks(), stops(), committed()) == ["create"]
    assert desk.give(error("conversation_already_has_active_response", "create_1")) == []
    assert desk.give(created("R1"), done("R1")) == ["create"]
    assert [one for one in desk.reports if one.event == "model_error"] == []


def test_what_a_full_transport_holds_back_goes_out_when_it_has_room() -> None:
    desk = ScriptedCall()
    desk.give(created("R1"), PhoneFull())
    assert desk.call.wants_room
    assert desk.give(delta("R1", "A", 100), delta("R1", "A", 100), audio_done("R1", "A"), done("R1")) == []
    assert desk.call.state is State.THINKING
    assert desk.give(PhoneRoom()) == ["mark e0.0", "media 100", "media 100", "mark e0.1"]
    assert desk.call.state is State.SPEAKING


def test_speaking_ends_with_the_last_mark_and_not_with_response_done() -> None:
    desk = ScriptedCall()
    desk.reply("R1", A=1_000)
    assert desk.call.state is State.SPEAKING
    desk.at(40).give(echo("e0.0"))
    desk.at(1_040)
    assert desk.call.state is State.SPEAKING
    desk.give(echo("e0.1"))
    assert desk.call.state is State.LISTENING


def test_speaking_ends_two_seconds_late_when_no_mark_comes() -> None:
    desk = ScriptedCall()
    desk.reply("R1", A=1_000)
    desk.at(2_999).tick()
    assert desk.call.state is State.SPEAKING
    desk.at(3_000).tick()
    assert desk.call.state is State.LISTENING
    assert desk.call.playout.ledger.unconfirmed_ends == 1


def test_a_mute_caller_is_silence_by_the_clock() -> None:
    desk = ScriptedCall()
    assert desk.at(20).give(frame(0)) == ["append 20"]
    assert desk.at(50).tick() == ["mark e0.0"]
    desk.at(100).give(echo("e0.0"))
    assert desk.call.deadline_us == 100_000
    assert desk.tick() == ["mark e0.1"]
    assert desk.at(120).tick() == ["append 60"]
    assert desk.at(320).give(frame(300)) == ["append 220", "append 20"]


# ---- words ----


def test_both_sides_words_stand_in_the_transcript() -> None:
    desk = ScriptedCall()
    desk.give(speaks(), stops(), committed("U1"), created("R1"), words("R1", "A", "Well, "), words("R1", "A", "yes."))
    desk.give(events.TranscriptDone("R1", "A", "Well, yes!"), events.CallerTranscript("U1", " Is it? \n"))
    assert [(turn.who, turn.text) for turn in desk.call.transcript.turns] == [
        ("caller", "Is it?"),
        ("bot", "Well, yes!"),
    ]


# ---- functions and hanging up ----


def goodbye(desk: ScriptedCall) -> ScriptedCall:
    """The model says goodbye for a second and asks to hang up."""
    desk.give(speaks(), stops(), committed(), created("R1"), added("R1", "A"), delta("R1", "A", 1_000), echo("e0.0"))
    desk.give(audio_done("R1", "A"), item_done("A"), function("R1", END_CALL, "call_7"))
    return desk


def test_a_hang_up_waits_until_the_goodbye_has_been_heard() -> None:
    desk = goodbye(ScriptedCall())
    assert desk.call.state is State.CLOSING
    assert desk.give(done("R1")) == []
    assert desk.at(1_000).give(echo("e0.1")) == ["end bot_hung_up"]


def test_a_hang_up_waits_for_the_rest_of_its_response() -> None:
    desk = goodbye(ScriptedCall())
    assert desk.at(1_000).give(echo("e0.1")) == []
    assert desk.at(1_100).give(delta("R1", "B", 500), done("R1")) == ["mark e0.2", "media 500", "mark e0.3"]
    assert desk.give(echo("e0.2")) == []
    assert desk.at(1_600).give(echo("e0.3")) == ["end bot_hung_up"]


def test_a_hang_up_whose_response_never_ends_does_not_hold_the_line() -> None:
    desk = goodbye(ScriptedCall())
    desk.at(1_000).give(echo("e0.1"))
    assert desk.call.state_deadlines.due_us == 9_000_000
    assert desk.at(9_000).tick()[-1] == "end bot_hung_up"


def test_a_hang_up_without_a_goodbye_is_at_once() -> None:
    desk = ScriptedCall()
    assert desk.give(speaks(), stops(), committed(), created("R1"), function("R1", END_CALL)) == []
    assert desk.give(done("R1")) == ["end bot_hung_up"]


@pytest.mark.parametrize("generated", [False, True])
def test_a_hang_up_is_dropped_when_the_caller_starts_to_talk(generated: bool) -> None:
    desk = goodbye(ScriptedCall())
    if generated:
        desk.give(done("R1"))
    assert desk.at(400).give(speaks()) == ["item function_call_output call_7", "clear", "truncate A at 400"]
    assert desk.sent(events.CreateItem)[0].item["output"] == json.dumps({"result": NOT_NOW})
    assert desk.give(done("R1", "cancelled")) == []
    assert desk.at(5_000).give(stops(), committed(), created("R2"), delta("R2", "B", 100)) == ["mark e1.0", "media 100"]
    assert desk.give(done("R2"), echo("e1.0"), echo("e1.1")) == ["mark e1.1"]
    assert desk.call.ended is None


def test_a_hang_up_is_dropped_even_where_the_goodbye_may_not_be_cut() -> None:
    desk = goodbye(ScriptedCall(CallSettings(barge_in="off")))
    desk.give(done("R1"))
    assert desk.at(400).give(speaks()) == ["item function_call_output call_7"]
    assert desk.at(1_000).give(echo("e0.1")) == []
    assert desk.at(1_200).give(stops(), committed()) == ["create"]


def test_a_hang_up_asked_for_while_the_caller_speaks_is_dropped() -> None:
    desk = ScriptedCall(CallSettings(barge_in="off"))
    desk.give(speaks(), stops(), committed(), created("R1"), delta("R1", "A", 1_000), speaks())
    assert desk.give(function("R1", END_CALL, "call_7")) == ["item function_call_output call_7"]
    assert desk.give(done("R1"), echo("e0.0"), echo("e0.1")) == []
    assert desk.call.ended is None


def test_the_model_cannot_hang_up_in_its_greeting() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    desk.give(events.SessionCreated(SESSION), updated(), created("R1"), delta("R1", "A", 500))
    assert desk.give(function("R1", END_CALL)) == ["item function_call_output call_1"]
    assert desk.sent(events.CreateItem)[0].item["output"] == json.dumps({"result": TOO_EARLY})
    desk.give(done("R1"))
    assert desk.at(1_000).give(start()) == ["mark e0.0", "media 500", "mark e0.1"]
    assert desk.at(1_500).give(echo("e0.0"), echo("e0.1")) == ["update server"]
    assert desk.call.ended is None


def test_nor_may_it_do_so_in_the_greeting_of_a_caller_who_has_spoken() -> None:
    desk = ScriptedCall(GREETED)
    desk.give(speaks(), stops(), committed(), created("R1"), delta("R1", "A", 500))
    assert desk.give(function("R1", END_CALL)) == ["item function_call_output call_1"]


def test_a_greeting_that_is_only_a_hang_up_is_asked_for_again() -> None:
    desk = ScriptedCall(GREETED)
    desk.give(created("R1"), function("R1", END_CALL))
    assert desk.give(done("R1")) == [CREATE_GREETING]


def test_the_model_cannot_hang_up_before_the_caller_has_said_or_keyed_anything() -> None:
    desk = ScriptedCall()
    desk.give(created("R1"), delta("R1", "A", 500))
    assert desk.give(function("R1", END_CALL, "call_1")) == ["item function_call_output call_1"]
    desk.give(committed("U1"), events.CallerTranscript("U1", ""))  # a cough
    assert desk.give(function("R1", END_CALL, "call_2")) == ["item function_call_output call_2"]
    desk.give(pressed("1"), done("R1", "cancelled"))
    desk.at(2_000).tick()
    desk.give(created("R2"), delta("R2", "B", 500))
    assert desk.give(function("R2", END_CALL, "call_3")) == []
    assert desk.call.state is State.CLOSING


def test_a_function_we_do_not_have_is_answered_so_and_the_model_goes_on_after_its_response() -> None:
    desk = ScriptedCall()
    desk.give(speaks(), stops(), committed(), created("R1"))
    assert desk.give(function("R1", "order_pizza", "call_3")) == ["item function_call_output call_3"]
    assert desk.sent(events.CreateItem)[0].item["output"] == json.dumps({"result": NO_SUCH_FUNCTION})
    assert desk.give(done("R1")) == ["create"]


def test_a_function_of_a_cut_response_is_not_run() -> None:
    desk = ScriptedCall()
    desk.give(created("R1"), delta("R1", "A", 900))
    desk.at(100).give(speaks())
    assert desk.give(function("R1", END_CALL, "call_3"), done("R1", "cancelled")) == [
        "item function_call_output call_3"
    ]
    partial = events.Item("fn", "function_call", status="incomplete", name=END_CALL, call_id="call_4")
    assert desk.give(stops(), created("R2"), events.OutputItemDone("R2", partial), done("R2", "cancelled")) == [
        "create"
    ]
    assert desk.call.ended is None


# ---- failures ----


def test_a_failed_response_is_tried_once_more_with_what_it_was_asked() -> None:
    desk = ScriptedCall(GREETED)
    assert desk.give(created("R1"), done("R1", "failed", events.Problem("server_error", None, "oops"))) == [
        CREATE_GREETING
    ]
    assert desk.reports[-1] == Report("response_failed", {"details": "server_error: oops"}, "warning")
    assert desk.give(created("R2"), done("R2", "failed")) == ["end model_unavailable"]


def test_a_failure_is_forgiven_once_a_response_was_completed() -> None:
    desk = ScriptedCall()
    desk.give(speaks(), stops(), committed(), created("R1"))
    assert desk.give(done("R1", "failed")) == ["create"]
    desk.give(created("R2"), delta("R2", "A", 100), audio_done("R2", "A"))
    assert desk.give(done("R2")) == []
    desk.give(speaks(), stops(), committed(), created("R3"))
    assert desk.give(done("R3", "failed")) == ["create"]


def test_a_cut_response_that_fails_is_not_tried_again() -> None:
    desk = ScriptedCall()
    desk.give(created("R1"), delta("R1", "A", 900))
    desk.at(100).give(speaks())
    assert desk.give(done("R1", "failed")) == []


def test_a_response_that_fails_for_want_of_credit_is_not_tried_again() -> None:
    desk = ScriptedCall()
    problem = events.Problem("insufficient_quota", "insufficient_quota", "pay")
    assert desk.give(created("R1"), done("R1", "failed", problem)) == ["end model_unavailable"]


def test_a_refused_response_create_is_tried_once_more() -> None:
    desk = ScriptedCall(GREETED)
    assert desk.give(error("rate_limited", "create_1", "server_error")) == [CREATE_GREETING]
    assert desk.give(error("rate_limited", "create_2", "server_error")) == ["end model_unavailable"]


def test_an_incomplete_response_is_reported() -> None:
    desk = ScriptedCall()
    details = events.StatusDetails("incomplete", "max_output_tokens")
    desk.give(created("R1"), delta("R1", "A", 100))
    desk.give(events.ResponseDone(events.Response("R1", "incomplete", details)))
    assert desk.reports[-1] == Report("response_incomplete", {"details": "max_output_tokens"}, "warning")


@pytest.mark.parametrize(
    "problem",
    [
        error("item_truncate_invalid_item_id", "truncate_3"),
        events.Error(
            events.Problem("invalid_request_error", None, "Audio content of 3700ms is already shorter than 3760ms")
        ),
        error("response_cancel_not_active", "cancel_4"),
        error("item_delete_invalid_item_id", "delete_5"),
        error("invalid_value"),
        error(None, None, "server_error"),
    ],
)
def test_a_refused_truncate_and_its_like_never_mute_or_end_a_call(problem: events.Error) -> None:
    desk = ScriptedCall()
    desk.give(created("R1"), delta("R1", "A", 900))
    assert desk.give(problem) == []
    assert desk.give(delta("R1", "A", 100))[0] == "media 100"
    assert desk.call.ended is None


@pytest.mark.parametrize("code", ["invalid_api_key", "insufficient_quota", "billing_hard_limit_reached"])
def test_a_fatal_error_ends_the_call(code: str) -> None:
    assert ScriptedCall().give(error(code)) == ["end model_unavailable"]


# ---- ending ----


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (stream.Stop(SID), "caller_hung_up"),
        (PhoneClosed(1000), "line_lost"),
        (PhoneClosed(1001), "line_lost"),
        (PhoneClosed(1006), "line_lost"),
        (ModelClosed("no_credit", 1011), "model_unavailable"),
        (ModelClosed("bad_key", 3000), "model_unavailable"),
        (Shutdown("drained"), "drained"),
        (Shutdown("internal_error"), "internal_error"),
    ],
)
@pytest.mark.parametrize("state", [state for state in State if state is not State.ENDED])
def test_a_call_ends_in_every_state_and_says_why_once(why: Input, reason: str, state: State) -> None:
    desk = in_state(state)
    assert desk.give(why) == [f"end {reason}"]
    assert desk.call.state is State.ENDED
    assert desk.call.ended == reason
    assert desk.call.deadline_us is None
    assert (
        desk.raw(stream.Stop(SID), frame(0), speaks(), delta("R1", "A", 100), PhoneClosed(), Shutdown("drained")) == []
    )


def test_a_close_that_was_recorded_before_is_still_read() -> None:
    told = b'{"note":"phone_closed","clean":false,"code":1006}'
    assert msgspec.json.decode(told, type=Note) == PhoneClosed(1006)


def in_state(state: State) -> ScriptedCall:
    desk = ScriptedCall(ready=False)
    if state is State.OPENING:
        desk.give(start())
        return desk
    desk = goodbye(ScriptedCall()) if state is State.CLOSING else ScriptedCall()
    steps: dict[State, list[Input]] = {
        State.HEARING: [speaks()],
        State.THINKING: [speaks(), stops()],
        State.SPEAKING: [created("R1"), delta("R1", "A", 900)],
    }
    desk.give(*steps.get(state, []))
    assert desk.call.state is state
    return desk


def test_a_limit_that_is_passed_ends_the_call() -> None:
    """The moment of the limit itself, and before it, is in rules/test_bounds."""
    desk = ScriptedCall(CallSettings(max_call_s=60))
    desk.give(created("R1"), delta("R1", "A", 300_000))
    assert [one for one in desk.at(119_999).tick() if one.startswith("end")] == []
    assert desk.at(120_000).tick()[-1] == "end time_limit"
    assert desk.reports[-1].event == "limit_reached"


def test_a_session_that_is_never_ready_and_one_never_claimed_end_too() -> None:
    desk = ScriptedCall(ready=False)
    desk.give(start())
    desk.at(500).tick()
    assert desk.call.deadline_us == 4_000_000
    assert desk.at(4_000).tick() == ["dial"]
    assert desk.call.deadline_us == 8_000_000
    assert desk.at(8_000).tick() == ["end model_unavailable"]
    desk = ScriptedCall(ready=False)
    desk.give(events.SessionCreated(SESSION), updated())
    assert desk.call.deadline_us == 10_000_000
    assert desk.at(10_000).tick() == ["end line_lost"]


def test_a_stuck_transport_asks_for_no_tick() -> None:
    """Otherwise the shell would be woken at once, again and again, until the transport drains."""
    desk = ScriptedCall()
    desk.give(created("R1"), delta("R1", "A", 1_000), PhoneFull(), delta("R1", "A", 1_000))
    desk.at(20_000).tick()
    deadline_us = desk.call.deadline_us
    assert deadline_us is not None
    assert deadline_us > desk.now_us
    assert desk.call.counts["phone_full"] == 1


def test_the_callers_audio_and_the_bots_pass_byte_for_byte() -> None:
    desk = ScriptedCall()
    caller = [base64.b64encode(bytes((number,)) * 160).decode() for number in range(200)]
    for number, payload in enumerate(caller):
        desk.at(number * 20 + 20).give(stream.Media(stream.MediaPart(payload, number * 20), SID))
    assert [one.audio for one in desk.sent(events.AppendAudio)] == caller
    desk.give(created("R1"))
    bot = [base64.b64encode(bytes((number,)) * (number * 7 + 1)).decode() for number in range(50)]
    desk.give(*(events.AudioDelta("R1", "A", payload) for payload in bot))
    assert [one.media.payload for one in desk.sent(stream.PlayMedia)] == bot


def test_a_payload_of_silence_is_passed_too() -> None:
    assert ScriptedCall().at(20).give(stream.Media(stream.MediaPart(audio(20, 0xFF), 0), SID)) == ["append 20"]
