"""Waits of the caller, to the microsecond."""

from __future__ import annotations

import base64

import pytest

from bot.call.call import Call
from bot.call.inputs import PhoneClosed, PhoneFull, PhoneRoom
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.session import SessionSettings, TurnDetection
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.handset.microphone import Microphone
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.network.line import Line
from bot.testing.virtual.scheduler import VirtualCall
from bot.twilio.playout import Playout
from tests.call.scripted_call import (
    MS,
    ScriptedCall,
    added,
    audio,
    audio_done,
    committed,
    created,
    delta,
    done,
    echo,
    frame,
    function,
    item_done,
    speaks,
)


def spoken_to(ms: int = 2_000, settings: CallSettings | None = None) -> ScriptedCall:
    """The caller's line has brought audio until `ms`, a frame each 20 ms; their speech ended at 1,400."""
    desk = ScriptedCall(settings)
    for at in range(0, ms, 20):
        desk.at(at + 20).give(frame(at))
    desk.give(events.SpeechStarted(400, "U"), events.SpeechStopped(1_900, "U"), committed("U"))
    return desk


def begins(desk: ScriptedCall, response: str = "R1", item: str = "A", ms: int = 250) -> ScriptedCall:
    desk.give(created(response), added(response, item), delta(response, item, ms))
    return desk


def test_from_the_real_end_of_speech_to_the_first_byte_sent_and_heard() -> None:
    """500 ms of silence belong to the detection: the speech ended at 1,400. The round trip is 60 ms."""
    desk = begins(spoken_to().at(2_300))
    assert desk.waits == [("byte_sent", 900, 2)]
    desk.at(2_360).give(echo("e0.0"))
    desk.at(2_500).give(delta("R1", "A", 1_000))
    assert desk.waits == [("byte_sent", 900, 2)]
    desk.at(2_610).give(echo("e0.1"))
    assert desk.waits == [("byte_sent", 900, 2), ("byte_heard", 900, 2)]


def test_a_prebuffer_at_the_phone_is_part_of_the_wait() -> None:
    desk = begins(spoken_to().at(2_300))
    desk.at(2_360).give(echo("e0.0"))
    desk.at(2_610 + 120).give(echo("e0.1"))
    assert desk.waits[1:] == [("byte_heard", 1_020, 2)]


def test_without_echoes_it_is_told_when_the_turn_is_over_by_our_own_clock() -> None:
    desk = begins(spoken_to().at(2_300))
    desk.give(audio_done("R1", "A"), item_done("A"), done("R1"))
    assert desk.waits == [("byte_sent", 900, 2)]
    desk.at(4_550).tick()
    assert desk.waits[1:] == [("byte_heard", 900, 2)]


def test_semantic_vad_tells_no_window_so_its_figure_is_taken_as_it_is() -> None:
    detection = TurnDetection(type="semantic_vad")
    desk = begins(spoken_to(settings=CallSettings(session=SessionSettings(turn_detection=detection))).at(2_300))
    assert desk.waits == [("byte_sent", 400, 2)]


def test_the_first_item_of_an_answer_counts_and_no_other() -> None:
    desk = begins(spoken_to().at(2_300))
    desk.give(audio_done("R1", "A"), item_done("A"), added("R1", "B"), delta("R1", "B", 250), audio_done("R1", "B"))
    desk.give(item_done("B"), done("R1"))
    desk.at(4_800).tick()
    assert desk.waits == [("byte_sent", 900, 2), ("byte_heard", 900, 2)]


def test_a_response_that_only_calls_a_function_is_no_answer() -> None:
    desk = spoken_to().at(2_300)
    desk.give(created("R1"), function("R1", "look_up"), done("R1"))
    begins(desk.at(2_900), "R2")
    assert desk.waits == [("byte_sent", 1_500, 2)]


def test_what_the_bot_was_saying_anyway_is_no_answer() -> None:
    """Interruptions are off: the caller speaks into a response that goes on with another item."""
    desk = ScriptedCall(CallSettings(barge_in="off"))
    begins(desk, "R1", "A", 1_000)
    for at in range(0, 2_000, 20):
        desk.at(at + 20).give(frame(at))
    desk.give(events.SpeechStarted(400, "U"), events.SpeechStopped(1_900, "U"), committed("U"))
    desk.give(added("R1", "B"), delta("R1", "B", 1_000), done("R1"))
    begins(desk.at(2_700), "R2", "C")
    assert desk.waits == [("byte_sent", 1_300, 4)]


def test_speaking_again_before_the_answer_begins_it_anew() -> None:
    desk = spoken_to(3_000)
    desk.give(created("R1"), added("R1", "A"))
    desk.give(events.SpeechStarted(2_000, "V"), done("R1", "cancelled"))
    desk.at(3_400).give(events.SpeechStopped(2_900, "V"), committed("V"))
    begins(desk.at(3_600), "R2", "B")
    assert desk.waits == [("byte_sent", 1_200, 3)]


def test_an_answer_of_which_nothing_was_heard_has_no_wait_to_be_heard() -> None:
    desk = spoken_to().at(2_300)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 1_000))
    desk.give(speaks())
    desk.at(2_900).give(PhoneClosed())
    assert desk.waits == [("byte_sent", 900, 2)]


def test_an_answer_that_was_cut_before_any_echo_was_heard_all_the_same() -> None:
    desk = spoken_to().at(2_300)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 1_000))
    desk.at(2_340).give(speaks())
    assert desk.waits == [("byte_sent", 900, 2), ("byte_heard", 900, 2)]


def test_audio_that_waits_for_the_transport_is_sent_when_it_is() -> None:
    desk = spoken_to()
    desk.give(PhoneFull())
    begins(desk.at(2_300))
    assert not desk.waits
    desk.at(2_450).give(PhoneRoom())
    assert desk.waits == [("byte_sent", 1_050, 2)]


GREETED = CallSettings(greeting="Good day.", greeting_audio=audio(250))


def test_the_greeting_is_waited_for_from_the_webhook() -> None:
    desk = ScriptedCall(GREETED, ready=False).at(400)
    desk.give(*desk.opening())
    assert not desk.waits
    desk.at(460).give(echo("e0.0"))
    desk.at(710).give(echo("e0.1"))
    assert desk.waits == [("greeting_heard", 400, 1)]


def test_of_a_greeting_that_nobody_heard_there_is_no_wait() -> None:
    desk = ScriptedCall(GREETED, ready=False).at(400)
    desk.give(*desk.opening(), PhoneClosed())
    assert not desk.waits


# ---- a whole call, with a line that delays ----

ANSWER_AFTER_MS = 320


def whole_call(delay_ms: int, prebuffer_ms: int, greeting: str) -> VirtualCall:
    """The stream opens at 300 ms. The caller says a second of noise from 4,000 ms of it on."""
    model = SimulatedModel(
        ScriptedAgent(
            [Reply((Spoken(pattern(2_000, n)),), pacing=Pacing(first_audio_ms=ANSWER_AFTER_MS)) for n in "ab"]
        ),
        Behaviour(),
    )
    phone = SimulatedPhone(playout=Playout(prebuffer_us=prebuffer_ms * MS), microphone=Microphone())
    phone.say(pattern(1_000, "caller"), 4_300 * MS)
    phone.hang_up(9_500 * MS)
    settings = CallSettings(greeting="Good day.", greeting_audio=greeting)
    lines = [Line(delay_ms * MS) for _ in range(2)]
    call = VirtualCall(Call(settings), phone, model, out_line=lines[0], in_line=lines[1], start_us=300 * MS)
    call.run()
    assert not phone.violations
    assert not model.violations
    return call


@pytest.mark.parametrize(("delay_ms", "prebuffer_ms"), [(0, 0), (40, 0), (40, 120)])
def test_in_a_whole_call_the_waits_are_the_ones_that_were_made(delay_ms: int, prebuffer_ms: int) -> None:
    """Detection takes 500 ms of silence and the model 320 ms. The speech ends within a frame of 5,300."""
    call = whole_call(delay_ms, prebuffer_ms, base64.b64encode(pattern(2_000, "greeting")).decode())
    waits = {fact.what: fact.us / MS for _, fact in call.facts if hasattr(fact, "what")}
    assert waits["greeting_heard"] == 300 + delay_ms + prebuffer_ms
    assert waits["byte_sent"] == pytest.approx(500 + ANSWER_AFTER_MS, abs=20)
    assert waits["byte_heard"] == waits["byte_sent"] + prebuffer_ms
