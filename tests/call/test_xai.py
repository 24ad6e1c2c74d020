"""A call with xAI, whose server answers by itself, can't be told of a cut, and lets its transcripts grow (openai-realtime W8)."""

from __future__ import annotations

import pytest

from bot.call.call import Call
from bot.call.facts import TurnFact
from bot.call.inputs import SessionWaiting
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import SessionSettings
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, CloseAt, SimulatedModel
from bot.testing.virtual.scheduler import VirtualCall
from tests.call.scripted_call import (
    SESSION,
    ScriptedCall,
    added,
    audio_done,
    committed,
    created,
    delta,
    done,
    frame,
    speaks,
    start,
    stops,
    updated,
    words,
)

MS = 1_000
XAI = SessionSettings(dialect="xai", model="grok-voice-latest", voice="eve")
SETTINGS = CallSettings(session=XAI)
VOICE = bytes((0x10, 0x90)) * 80
PACING = Pacing(speed=4)


# ---- at the desk -----------------------------------------------------------------------------------------------------


def grows(text: str, status: str = "in_progress") -> events.CallerTranscript:
    return events.CallerTranscript("U", text, status)


def spoke(desk: ScriptedCall) -> list[TurnFact]:
    return [turn for turn in desk.turns if turn.who == "caller"]


def test_a_transcript_that_grows_is_one_turn_whose_words_are_replaced() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.give(speaks(), events.CallerTranscriptGrows("U", "Hello?"), grows("Hello?"))
    assert desk.call.transcript.turns == []
    assert desk.call.state is State.HEARING
    desk.give(stops(), committed(), events.CallerTranscriptGrows("U", "Hello, my"), grows("Hello, my name is"))
    assert [turn.text for turn in spoke(desk)] == ["Hello?", "Hello, my", "Hello, my name is"]
    desk.give(grows("Hello, my name is Marcelo.", "completed"))
    assert {turn.number for turn in spoke(desk)} == {1}
    (turn,) = desk.call.transcript.turns
    assert turn.text == "Hello, my name is Marcelo."


def test_words_that_only_grew_are_the_turn_s_when_the_rest_never_comes() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.give(speaks(), grows("Good"), grows("Good morning"), stops(), committed())
    assert [turn.text for turn in spoke(desk)] == ["Good morning"]


def test_growing_words_of_one_turn_are_not_the_next_one_s() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.give(speaks(), grows("Good"), stops(), committed(), grows("Good day.", "completed"))
    desk.give(speaks(), stops(), committed("V"))
    assert [turn.text for turn in desk.call.transcript.turns] == ["Good day.", None]


def answering() -> ScriptedCall:
    desk = ScriptedCall(SETTINGS)
    desk.give(
        created("R1"),
        added("R1", "A"),
        words("R1", "A", "one two three four"),
        delta("R1", "A", 2_000),
        audio_done("R1", "A"),
    )
    desk.give(events.OutputItemDone("R1", events.Item("A", "message", "assistant", "completed")))
    return desk


def test_of_a_cut_it_is_told_nothing_and_the_transcript_is_cut_all_the_same() -> None:
    desk = answering()
    desk.give(done("R1"))
    assert desk.at(1_000).give(speaks()) == ["clear"]
    (turn,) = desk.call.transcript.turns
    assert turn.cut
    assert turn.unheard
    assert desk.call.counts["interruptions"] == 1


def test_an_item_that_was_not_reached_is_deleted_though_no_item_is_ever_said_to_be_done() -> None:
    desk = answering()
    desk.give(added("R1", "B"), delta("R1", "B", 1_000), audio_done("R1", "B"))
    assert desk.at(1_000).give(speaks()) == ["clear"]
    assert desk.give(events.OutputItemDone("R1", events.Item("B", "message", "assistant", "incomplete"))) == [
        "delete B"
    ]
    assert desk.give(done("R1", "cancelled")) == []


def test_a_small_offset_is_no_sign_that_they_spoke_in_the_backlog() -> None:
    """The caller's first two seconds were kept for the session, which then counts on a clock of its own."""
    desk = ScriptedCall(SETTINGS, ready=False)
    desk.give(start(), *(frame(at) for at in range(0, 2_000, 20)), events.SessionCreated(SESSION), updated())
    desk.give(created("R1"), delta("R1", "A", 3_000), audio_done("R1", "A"), done("R1"))
    for at in range(2_000, 3_000, 20):
        desk.at(at).give(frame(at))
    assert "clear" in desk.give(speaks(227))


def test_a_ping_is_a_sign_of_life_and_nothing_else() -> None:
    desk = ScriptedCall(SETTINGS)
    before, reports = dict(desk.call.counts), desk.reports
    assert (
        desk.give(events.parse('{"type":"ping","event_id":"1","timestamp":1785214080296,"previous_item_id":null}'))
        == []
    )
    assert dict(desk.call.counts) == before
    assert desk.reports == reports


# ---- whole calls -----------------------------------------------------------------------------------------------------


def session(now_us: int = 0, *texts: str, **behaviour: object) -> SimulatedModel:
    replies = [
        Reply((Spoken(pattern(ms, ms), text),), pacing=PACING)
        for ms, text in ((1_000, "hello there"), (2_000, "one two three four five six"))
    ]
    return SimulatedModel(
        ScriptedAgent(replies), Behaviour(caller_words=texts, **behaviour), model=XAI.model, dialect="xai", opens_us=now_us, name=f"{now_us}_"
    )  # fmt: skip


def phone(*speech: tuple[int, int]) -> SimulatedPhone:
    """A caller who speaks from each first to each second ms."""
    caller = SimulatedPhone()
    for from_ms, to_ms in speech:
        caller.say(VOICE * ((to_ms - from_ms) // 20), from_ms * MS)
    return caller


def runs(call: VirtualCall) -> list[tuple[int, int]]:
    return [(run.start_us // MS, run.end_us // MS) for run in call.phone.playout.runs]


def test_a_caller_on_xai_is_heard_and_hears() -> None:
    caller, model = phone((3_000, 4_000)), session(0, "what time is it")
    caller.hang_up(10_000 * MS)
    core = Call(CallSettings(session=XAI, greeting="Hello."))
    call = VirtualCall(core, caller, model)
    assert call.run() == "caller_hung_up"
    assert len(runs(call)) == 2
    assert [(turn.who, turn.text) for turn in core.transcript.turns] == [
        ("bot", "hello there"), ("caller", "what time is it"), ("bot", "one two three four five six"),
    ]  # fmt: skip
    assert model.violations == caller.violations == []


def test_a_caller_who_interrupts_on_xai_is_let_in_and_nothing_is_truncated() -> None:
    caller, model = phone((3_000, 4_000), (6_000, 7_000)), session(0, "first", "second")
    caller.hang_up(12_000 * MS)
    core = Call(CallSettings(session=XAI, greeting="Hello."))
    VirtualCall(core, caller, model).run()
    assert core.counts["interruptions"] == 1
    assert [turn.text for turn in core.transcript.turns if turn.who == "caller"] == ["first", "second"]
    assert model.truncations == []
    assert model.violations == caller.violations == []


def limited(*speech: tuple[int, int]) -> tuple[VirtualCall, SimulatedModel, SimulatedPhone]:
    """A call whose time is up at 20.3 s."""
    settings = CallSettings(session=XAI, greeting="Hello.", max_call_s=20)
    caller, model = phone(*speech), session(0, "one", "two", "three")
    call = VirtualCall(Call(settings), caller, model, settings=settings)
    call.run(90_000 * MS)
    return call, model, caller


@pytest.mark.parametrize("stops_ms", [20_400, 21_500, 24_000, 30_000])
def test_at_a_limit_in_mid_sentence_the_turn_is_let_end_and_then_comes_the_goodbye(stops_ms: int) -> None:
    call, model, caller = limited((19_500, stops_ms))
    heard = runs(call)
    assert len(heard) == 2
    assert stops_ms < heard[1][0] < stops_ms + 2_000
    assert call.ended == (heard[1][1] * MS, "time_limit")
    assert model.violations == caller.violations == []


@pytest.mark.parametrize("begins_ms", [20_350, 20_700, 21_000, 22_000])
def test_he_may_interrupt_the_goodbye(begins_ms: int) -> None:
    call, model, caller = limited((begins_ms, begins_ms + 1_000))
    assert call.ended is not None
    ended_us, why = call.ended
    assert why == "time_limit"
    assert ended_us < (begins_ms + 6_000) * MS
    assert all(end <= begins_ms + 500 or start >= begins_ms + 1_000 for start, end in runs(call))
    assert model.violations == caller.violations == []


def test_at_a_limit_a_server_that_owes_an_answer_and_makes_none_is_not_waited_for_for_ever() -> None:
    settings = CallSettings(session=XAI, max_call_s=20)
    desk = ScriptedCall(settings)
    desk.at(19_500).give(speaks())
    desk.at(20_500).tick()
    desk.at(21_500).give(stops(), committed())
    assert not desk.sent(events.CreateResponse)
    for at_ms in range(22_000, 25_000, 500):
        desk.at(at_ms).tick()
    desk.give(SessionWaiting(), events.SessionCreated(SESSION), updated())  # it is given up, and another says goodbye
    assert desk.sent(events.CreateResponse)


def test_an_xai_session_that_takes_over_was_configured_once_and_answers() -> None:
    settings = CallSettings(session=XAI, greeting="Hello.")
    caller, first = phone((3_000, 4_000), (12_000, 13_000)), session(0, "one")
    first.close(CloseAt(8_000 * MS, 1011))
    caller.hang_up(20_000 * MS)
    followers: list[SimulatedModel] = []

    def redial(now_us: int) -> SimulatedModel:
        followers.append(session(now_us + 200 * MS, "two"))
        return followers[-1]

    core = Call(settings)
    call = VirtualCall(core, caller, first, redial=redial, settings=settings)
    assert call.run() == "caller_hung_up"
    (follower,) = followers
    updates = [line for line in call.log if line.socket == 1 and '"session.update"' in line.text]
    assert len(updates) == 1
    assert follower.session["audio"]["output"]["format"] == {"type": "audio/pcmu"}
    assert [turn.text for turn in core.transcript.turns if turn.who == "caller"] == ["one", "two"]
    assert runs(call)[-1][0] > 13_000
    assert first.violations == follower.violations == caller.violations == []
