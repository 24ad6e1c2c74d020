"""The greeting is heard whatever the caller or the line does before, and what they said is answered behind it.

Whole calls in virtual time: the stream opens at 300 ms, the session is ready at 560. The caller says something that
begins so long before or after that.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

import pytest

from bot.call.call import Call
from bot.call.conversation.opening import MOMENT_MS, MOST_TIMES
from bot.call.inputs import DialFailed, ModelClosed, SessionWaiting, Tick
from bot.call.outputs import Dial
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import Dialect, SessionSettings, TurnDetection
from bot.testing.agent import Pacing, Reply, Spoken, Turn, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.network.line import Line
from bot.testing.virtual.scheduler import VirtualCall
from tests.call.scripted_call import (
    SESSION,
    ScriptedCall,
    audio,
    audio_done,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    item_done,
    speaks,
    start,
    stops,
    updated,
)

MS = 1_000
WORDS = "Acme, this call is answered by a machine."
GREETING, ANSWER = pattern(3_000, "greeting"), pattern(1_500, "answer")
VOICE = bytes((0x10, 0x90)) * 80
OPENS_MS, READY_MS = 300, 560
DIALECTS: list[Dialect] = ["openai", "azure", "xai"]


class Greeter:
    """Says the greeting when it is asked for it, and the answer otherwise."""

    def __init__(self, first_audio_ms: int) -> None:
        self._pacing = Pacing(first_audio_ms=first_audio_ms)

    def reply(self, turn: Turn) -> Reply:
        said = Spoken(GREETING, WORDS) if "Acme" in turn.instructions else Spoken(ANSWER, "Yes.")
        return Reply((said,), pacing=self._pacing)


class Opened(NamedTuple):
    call: VirtualCall
    heard: bytes
    """All that was played."""
    talked_over_ms: int
    """The longest stretch for which the caller spoke and heard the bot."""


def opened(
    *said: tuple[int, int],
    dialect: Dialect = "openai",
    prefix_ms: int = 300,
    first_audio_ms: int = 500,
    recorded: bool = False,
    barge_in: str = "on",
) -> Opened:
    """`said`: from when on the caller speaks, counted from the session's being ready, and for how long, in ms."""
    turns = TurnDetection(prefix_padding_ms=prefix_ms)
    settings = CallSettings(
        greeting=WORDS,
        greeting_audio=base64.b64encode(GREETING).decode() if recorded else "",
        session=SessionSettings(dialect=dialect, turn_detection=turns),
        barge_in=barge_in,  # type: ignore[arg-type]
    )
    model = SimulatedModel(
        Greeter(first_audio_ms), Behaviour(updated_after_ms=READY_MS - 3), dialect=dialect, keep_heard=False
    )
    phone = SimulatedPhone()
    speech = [(max(READY_MS + at_ms, OPENS_MS + 20), ms) for at_ms, ms in said]
    for at_ms, ms in speech:
        phone.say(VOICE * (ms // 20), at_ms * MS)
    phone.hang_up(25_000 * MS)
    call = VirtualCall(
        Call(settings), phone, model, out_line=Line(20 * MS), in_line=Line(20 * MS), start_us=OPENS_MS * MS
    )
    call.run()
    assert not phone.violations
    assert not model.violations
    over_us = max(
        min(run.end_us, (at_ms + ms) * MS) - max(run.start_us, at_ms * MS)
        for run in phone.playout.runs
        for at_ms, ms in speech or [(0, 0)]
    )
    played = b"".join(span.audio for span in phone.playout.spans(25_000 * MS))
    return Opened(call, played, max(over_us, 0) // MS)


def check(one: Opened) -> None:
    """The greeting was heard whole, the turn was answered behind it, and that is all that was heard at last."""
    assert one.heard.endswith(GREETING + ANSWER)
    assert one.heard.count(ANSWER) == 1
    assert one.talked_over_ms <= 500


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("ms", [100, 600, 2_500], ids=["noise", "word", "sentence"])
@pytest.mark.parametrize("at_ms", range(-300, 1_001, 260))
def test_it_is_heard_whatever_is_said_before_or_in_its_first_moment(dialect: Dialect, ms: int, at_ms: int) -> None:
    check(opened((at_ms, ms), dialect=dialect))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("prefix_ms", [0, 1_000, 2_000])
@pytest.mark.parametrize("at_ms", [-100, 300, 900])
def test_the_padding_before_speech_makes_no_difference(dialect: Dialect, prefix_ms: int, at_ms: int) -> None:
    check(opened((at_ms, 600), dialect=dialect, prefix_ms=prefix_ms))


@pytest.mark.parametrize("ms", [100, 600, 2_500])
@pytest.mark.parametrize("at_ms", [-200, 60, 400])
def test_nor_does_a_recording(ms: int, at_ms: int) -> None:
    check(opened((at_ms, ms), recorded=True))


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("prefix_ms", [0, 300, 2_000])
@pytest.mark.parametrize("ms", [100, 600, 2_500])
def test_every_twenty_milliseconds(recorded: bool, dialect: Dialect, prefix_ms: int, ms: int) -> None:
    for at_ms in range(-300, 1_001, 20):
        check(opened((at_ms, ms), recorded=recorded, dialect=dialect, prefix_ms=prefix_ms))


def test_two_words_in_a_row_are_waited_for_and_answered_once() -> None:
    check(opened((-100, 200), (400, 300)))


def test_once_a_moment_of_it_was_heard_it_is_interrupted_like_any_answer() -> None:
    """Asked for at 560, first heard at 1,080: more than a second of it has been heard when they speak."""
    one = opened((1_620, 400))
    assert GREETING not in one.heard
    assert one.call.core.transcript.turns[0].cut  # type: ignore[attr-defined]
    assert one.call.core.counts["greetings_held_back"] == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("barge_in", ["after_greeting", "off"])
@pytest.mark.parametrize("at_ms", [-200, 100, 400])
def test_where_it_may_not_be_interrupted_it_waits_for_the_caller_before_it_begins(barge_in: str, at_ms: int) -> None:
    check(opened((at_ms, 600), barge_in=barge_in))


@pytest.mark.parametrize("barge_in", ["after_greeting", "off"])
def test_and_goes_on_once_it_has_begun(barge_in: str) -> None:
    one = opened((900, 600), barge_in=barge_in)
    assert one.heard == GREETING + ANSWER
    assert not one.call.phone.clears


def test_on_a_line_whose_noise_never_ends_it_begins_anew_so_often_and_no_oftener() -> None:
    one = opened(*((at_ms, 200) for at_ms in range(700, 9_000, 1_100)))
    assert one.call.core.counts["greetings_held_back"] == MOST_TIMES  # type: ignore[attr-defined]
    assert one.call.core.transcript.turns[0].cut  # type: ignore[attr-defined]


def test_noise_that_is_taken_for_speech_and_never_ends_is_not_waited_for_for_ever() -> None:
    one = opened((-100, 24_000))
    assert one.heard == GREETING
    assert OPENS_MS + 15_000 < one.call.phone.playout.runs[0].start_us / MS < OPENS_MS + 16_000


# ---- message by message ----

GREETED = CallSettings(greeting="Hello.")


def test_what_had_begun_waits_from_its_first_byte_and_the_model_is_told_nothing() -> None:
    desk = ScriptedCall(GREETED)
    desk.give(created("R1"), delta("R1", "A", 400), delta("R1", "A", 400))
    assert desk.at(600).give(speaks()) == ["clear"]
    assert desk.call.state is State.HEARING
    assert desk.give(delta("R1", "A", 400), audio_done("R1", "A"), done("R1")) == []
    out = desk.at(1_500).give(stops(), committed())
    assert [one for one in out if not one.startswith("mark")] == ["media 400", "media 400", "media 400", "create"]
    assert desk.call.state is State.SPEAKING


def test_who_speaks_just_before_the_clock_shows_that_enough_was_heard_interrupts_it_and_nothing_is_held_back() -> None:
    """The tick that is due at 1,000 ms comes a little later, as on any loop: the word comes between."""
    desk = ScriptedCall(GREETED)
    desk.give(created("R1"), delta("R1", "A", 3_000))
    assert desk.at(1_005).give(speaks()) == ["clear", "truncate A at 1005", "cancel R1"]
    assert desk.call.counts["greetings_held_back"] == 0
    assert not desk.call.playout.paused


def test_the_wait_for_the_greeting_is_until_the_one_that_is_heard() -> None:
    desk = ScriptedCall(GREETED)
    desk.give(created("R1"), delta("R1", "A", 1_200), audio_done("R1", "A"), done("R1"))
    desk.at(300).give(speaks())
    desk.at(1_000).give(stops())
    marks = [
        one.mark.name for one in desk.outputs if type(one).__name__ == "SetMark" and one.mark.name.startswith("e1")
    ]
    desk.at(2_200).give(*(echo(name) for name in marks))
    assert ("greeting_heard", 1_000, 1) in desk.waits


def test_a_greeting_that_failed_while_the_caller_spoke_is_asked_for_before_the_answer() -> None:
    desk = ScriptedCall(GREETED)
    desk.give(created("R1"), speaks(), done("R1", "failed"), committed())
    assert desk.give(stops()) == ["create ['instructions']"]
    assert desk.give(created("R2"), delta("R2", "A", 500), audio_done("R2", "A"), done("R2"))[-1] == "create"


def test_an_answer_that_was_owed_behind_a_greeting_that_was_not_to_be_had_is_not_given_besides_the_next() -> None:
    desk = ScriptedCall(changed(GREETED, apology_audio=audio(300)))
    desk.give(speaks(), error("server_error", "create_1", kind="server_error"), committed())
    assert desk.give(stops()) == ["create ['instructions']"]
    desk.give(error("server_error", "create_2", kind="server_error"))
    assert desk.at(2_000).give(speaks(), stops(), committed("U2"))[-1] == "create"
    said = desk.give(created("R1"), delta("R1", "A", 500), audio_done("R1", "A"), done("R1"))
    assert "create" not in said


def test_a_session_that_dies_before_the_greeting_was_made_leaves_it_to_the_next_though_the_caller_has_spoken() -> None:
    desk = ScriptedCall(GREETED)
    desk.give(created("R1"), speaks(), stops(), committed(), events.CallerTranscript("U", "Hello?"))
    desk.give(ModelClosed("closed", 1006), SessionWaiting(), events.SessionCreated(SESSION))
    assert desk.give(updated())[-1] == "create ['instructions']"
    assert desk.give(created("R2"), delta("R2", "A", 500), audio_done("R2", "A"), done("R2"))[-1] == "create"


@pytest.mark.parametrize("made_ms", [0, 400])
def test_a_greeting_that_xai_makes_while_they_speak_and_cancels_for_that_is_asked_for_again(made_ms: int) -> None:
    desk = ScriptedCall(CallSettings(greeting="Hello.", session=SessionSettings(dialect="xai")))
    desk.give(speaks(), created("R1"), *([delta("R1", "A", made_ms)] if made_ms else []))
    spoken_over = events.StatusDetails("cancelled", reason="turn_detected")
    desk.give(events.ResponseDone(events.Response("R1", "cancelled", spoken_over)))
    assert desk.at(700).give(stops(), committed()) == []
    assert desk.give(created("R2"), done("R2", "cancelled")) == ["cancel R2", "create ['instructions']"]
    assert desk.give(created("R3"), delta("R3", "B", 500), audio_done("R3", "B"), done("R3"))[-1] == "create"


def test_xais_own_answer_to_what_came_before_the_greeting_is_not_heard() -> None:
    """It cancels the greeting by itself, and answers: the greeting is asked for when that is over."""
    desk = ScriptedCall(CallSettings(greeting="Hello.", session=SessionSettings(dialect="xai")), ready=False)
    desk.give(start(), events.ConversationCreated(), updated())
    assert desk.give(created("R1"), speaks(), done("R1", "cancelled"), stops(), committed()) == []
    assert desk.give(created("R2"), delta("R2", "B", 500)) == ["cancel R2"]
    assert desk.give(done("R2", "cancelled")) == ["create ['instructions']"]
    assert desk.give(created("R3"), delta("R3", "C", 2_000), audio_done("R3", "C"))[1] == "media 2000"
    assert desk.give(done("R3")) == ["create"]


def test_a_moment_is_short() -> None:
    assert MOMENT_MS == 1_000


def test_a_greeting_whose_session_is_lost_before_the_stream_is_heard_and_the_call_ends() -> None:
    """Held for a session that does not come, it kept the call in silence until its greatest length."""
    desk = ScriptedCall(ready=False)
    desk.give(events.SessionCreated(SESSION), updated(), created("R1"), delta("R1", "A", 500))
    desk.give(audio_done("R1", "A"), item_done("A"), done("R1"), ModelClosed("closed", 1006))
    desk.at(900).give(start())
    assert desk.heard_by_phone() == base64.b64decode(audio(500))
    while desk.call.ended is None:
        due_us = desk.call.deadline_us
        assert due_us is not None
        assert due_us < 60_000_000
        desk.at(max(due_us, desk.now_us) / 1_000).give(Tick(), *[DialFailed("closed", 1006) for _ in desk.sent(Dial)])
    assert desk.call.ended == "model_unavailable"
