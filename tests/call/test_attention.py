"""A session that says nothing to what the caller says is asked for a sign of life, and lost if it gives none."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Literal

import pytest

from bot.audio import wav
from bot.audio.payload import FRAME_BYTES, SILENCE_BYTE
from bot.call.attention import ANSWER_US, FILL_US, HEARING_US, LATE_US, OWED_US, REST_US
from bot.call.notes import ModelClosed, SessionWaiting
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import HANG_UP, SessionSettings, session_object
from bot.twilio.stream import Media, MediaPart
from tests.call.desk import (
    MS,
    SESSION,
    SID,
    Desk,
    committed,
    created,
    delta,
    function,
    question,
    speaks,
    start,
    stops,
    updated,
)
from tests.call.desk import audio as audio_of

VOICE = bytes((0x10, 0x90)) * (FRAME_BYTES // 2)
REST = bytes((SILENCE_BYTE,)) * FRAME_BYTES
HISS = bytes((0x70, 0xF0)) * (FRAME_BYTES // 2)
"""At a level of about 100: a line at rest."""
OWED, FILL, ANSWER, HEARING, LATE, RESTS = (
    us // MS for us in (OWED_US, FILL_US, ANSWER_US, HEARING_US, LATE_US, REST_US)
)
FILLED = CallSettings(filler_audio=audio_of(800))
RECORDINGS = sorted((Path(__file__).parents[3] / "shared" / "audio").glob("*.wav"))


class Line:
    """A caller's frames, twenty milliseconds each, and ticks when they are due."""

    def __init__(self, settings: CallSettings = FILLED, *, mute: bool = True, ready: bool = True) -> None:
        self.desk = Desk(settings, mute=mute, ready=ready)
        self.said: list[tuple[int, str]] = []
        """What went out and when, in ms, but for the caller's own audio."""
        self.ms = 0

    def send(self, audio: bytes, ms: int) -> Line:
        """So much of `audio`, over and over."""
        for at in range(self.ms, self.ms + ms, 20):
            while (due_us := self.desk.call.deadline_us) is not None and due_us < at * MS:
                self._take(self.desk.at(max(due_us, self.desk.now_us) / MS).tick())
            place = (at - self.ms) * 8 % len(audio)
            payload = base64.b64encode(audio[place : place + FRAME_BYTES]).decode()
            self.desk.at(at)
            self._take(self.desk.give(Media(MediaPart(payload, at), SID)))
        self.ms += ms
        self.desk.at(self.ms)
        return self

    def _take(self, out: list[str]) -> None:
        self.said += [(self.desk.now_us // MS, one) for one in out if not one.startswith(("append", "mark"))]

    @property
    def asked(self) -> list[int]:
        return [ms for ms, one in self.said if one == "question"]


def fills(one: str) -> bool:
    return one.startswith("media")


def test_speech_that_the_session_does_not_tell_of_is_asked_about_after_a_second() -> None:
    line = Line().send(REST, 3_000).send(VOICE, 400).send(REST, 3_000)
    (asked,) = line.asked
    assert OWED <= asked - 3_000 <= OWED + 100
    assert line.said[1:] == [(asked + FILL, "media 800"), (asked + ANSWER, "dial")]
    assert line.desk.call.counts["sessions_lost"] == line.desk.call.counts["sessions_given_up"] == 1


def test_so_is_the_end_of_speech() -> None:
    line = Line().send(REST, 1_000).send(VOICE, 300)
    line.desk.give(speaks())
    line.send(VOICE, 4_000).send(REST, 1_500)
    (asked,) = line.asked
    assert OWED <= asked - 5_300 <= OWED + 50


def test_a_session_that_answers_keeps_the_call_and_is_not_asked_again_at_once() -> None:
    line = Line(mute=False).send(VOICE, 9_000)
    assert [later - sooner for sooner, later in zip(line.asked, line.asked[1:], strict=False)] == [RESTS]
    assert all(one == "question" for _, one in line.said)
    assert line.desk.call.counts["sessions_asked"] == 2


def test_nobody_talks_into_a_caller_who_speaks_on() -> None:
    line = Line().send(VOICE, 2_500)
    assert [one for _, one in line.said] == ["question"]
    line.send(REST, 400)
    assert not any(fills(one) for _, one in line.said)
    line.send(REST, 100)
    assert [one for _, one in line.said if one != "question"] == ["media 800"]


def test_a_session_that_is_mute_is_lost_though_he_never_stops() -> None:
    line = Line().send(VOICE, 4_000)
    assert line.said[1:] == [(line.asked[0] + ANSWER, "dial")]


def adopted(line: Line) -> None:
    """Another session takes over, and says nothing but that it is there."""
    line.desk.give(SessionWaiting(), events.SessionCreated(SESSION), updated())


def test_a_server_that_does_not_answer_such_questions_costs_a_call_one_session() -> None:
    line = Line().send(VOICE, 3_500)
    adopted(line)
    line.send(VOICE, 30_000)
    assert [one for _, one in line.said].count("dial") == len(line.asked) == 1


def test_one_that_has_answered_before_is_asked_again_when_another_has_hung() -> None:
    line = Line().send(VOICE, 1_200)
    line.desk.give(updated())
    line.send(VOICE, 9_000)
    adopted(line)
    line.send(VOICE, 9_000)
    assert [one for _, one in line.said].count("dial") == 2


def test_a_goodbye_that_is_due_has_times_of_its_own() -> None:
    line = Line().send(REST, 1_000)
    line.desk.give(speaks(), stops(), committed(), created("R1"), function("R1", HANG_UP))
    assert line.desk.call.state is State.CLOSING
    assert line.send(VOICE, 6_000).asked == []


def test_before_there_is_a_session_nobody_is_asked() -> None:
    line = Line(CallSettings(greeting="Hello.", greeting_audio=audio_of(500), response_s=30), ready=False)
    line.desk.give(start())
    line.send(REST, 4_000).send(VOICE, 4_000)
    assert line.desk.call.state is State.LISTENING
    assert line.asked == []


@pytest.mark.parametrize(("waits", "after_ms"), [(True, 0), (False, 1_000)])
def test_who_was_not_waiting_hears_of_a_loss_only_when_it_lasts(*, waits: bool, after_ms: int) -> None:
    desk = Desk(FILLED)
    desk.at(5_000)
    if waits:
        desk.give(speaks(), stops(), committed())
    desk.at(6_500).give(ModelClosed("timeout"))
    heard = [ms for ms in range(6_500, 8_000, 100) if any(map(fills, desk.at(ms).tick()))]
    assert heard[:1] == [6_500 + after_ms]


def test_after_a_filler_that_still_plays_the_next_comes_a_second_after_its_end() -> None:
    line = Line(CallSettings(filler_audio=audio_of(3_000))).send(VOICE, 400).send(REST, 6_500)
    fillers = [ms for ms, one in line.said if fills(one)]
    assert fillers == [line.asked[0] + FILL, line.asked[0] + FILL + 3_000 + 1_000]


def test_anything_it_says_is_an_answer() -> None:
    line = Line().send(VOICE, 1_200)
    assert line.asked
    line.desk.give(speaks())
    line.send(VOICE, 4_000)
    assert len(line.said) == 1


@pytest.mark.parametrize("audio", [REST, HISS])
def test_a_line_at_rest_owes_nothing(audio: bytes) -> None:
    assert Line().send(audio, 30_000).said == []


def test_a_click_is_no_speech() -> None:
    assert Line().send(REST, 2_000).send(VOICE, 40).send(REST, 4_000).said == []


def test_on_a_line_that_is_never_quiet_it_is_asked_now_and_then() -> None:
    line = Line(mute=False).send(VOICE, 500)
    line.desk.give(speaks())
    line.send(VOICE, 25_000)
    assert line.asked == [500 + HEARING, 500 + 2 * HEARING]


def test_while_the_bot_has_the_floor_nobody_looks() -> None:
    line = Line()
    line.desk.give(created("R1"), delta("R1", "A", 20_000))
    assert line.send(VOICE, 19_000).said == []


def test_while_an_answer_is_due_its_own_time_counts() -> None:
    line = Line().send(VOICE, 400)
    line.desk.give(speaks(), stops(), committed())
    line.send(VOICE, 5_000)
    assert line.asked == []


def test_a_clock_that_stood_still_is_no_answer_missed() -> None:
    line = Line().send(VOICE, 1_100)
    assert line.asked
    desk = line.desk.at(line.ms + 5_000)
    assert not any(map(fills, desk.tick()))
    assert not any(map(fills, desk.at(line.ms + 5_000 + LATE - 1).tick()))
    desk.give(updated())
    assert "dial" not in desk.at(line.ms + 9_000).tick()
    assert desk.call.counts["sessions_lost"] == 0


def test_one_that_stays_mute_after_that_is_lost_in_the_end() -> None:
    line = Line().send(VOICE, 1_100)
    desk = line.desk.at(line.ms + 5_000)
    out = desk.tick()
    while "dial" not in out:
        due_us = desk.call.deadline_us
        assert due_us is not None
        assert due_us <= (line.ms + 5_000 + LATE + ANSWER) * MS
        out = desk.at(due_us / MS).tick()


@pytest.mark.parametrize("barge_in", ["on", "off"])
def test_the_answer_to_a_question_leaves_the_turns_to_whom_they_belong(barge_in: Literal["on", "off"]) -> None:
    line = Line(CallSettings(barge_in=barge_in)).send(VOICE, 1_200)
    turns = line.desk.call._parts.turns
    server_owns = turns.server_acts
    assert server_owns is (barge_in == "on")
    assert len(line.asked) == 1
    line.desk.give(updated())
    assert turns.server_acts is server_owns


def test_while_a_question_is_out_the_server_still_acts_on_turns() -> None:
    line = Line().send(VOICE, 1_200)
    assert line.asked
    assert line.desk.give(speaks(), stops(), committed()) == []  # nobody asks for a second answer


@pytest.mark.parametrize("settings", [CallSettings(response_s=0), CallSettings(session=SessionSettings(dialect="xai"))])
def test_who_is_not_asked(settings: CallSettings) -> None:
    line = Line(settings).send(VOICE, 20_000)
    assert [one for _, one in line.said if one in {"question", "dial"}] == []


def test_a_question_sets_nothing() -> None:
    line = Line().send(VOICE, 1_200)
    (sent,) = [one for one in line.desk.outputs if question(one)]
    assert sent.session == {"type": "realtime", "output_modalities": ["audio"]}  # type: ignore[union-attr]
    assert session_object(SessionSettings(), server_owns_turns=True)["output_modalities"] == ["audio"]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recorded_speech_is_seen_and_so_is_its_end(path: Path) -> None:
    speech = wav.read(path)
    ms = len(speech) // FRAME_BYTES * 20
    begun = Line().send(HISS, 2_000).send(speech, ms)
    begun.send(HISS, max(0, 2_200 - ms))
    assert begun.asked
    assert begun.asked[0] <= 2_000 + 600 + OWED  # the longest rest before the first word is half a second
    ended = Line().send(HISS, 500)
    ended.desk.give(speaks())
    ended.send(speech, ms)
    assert ended.asked == []  # there is no second of rest in any
    ended.send(HISS, 1_500)
    assert len(ended.asked) == 1
    assert ended.asked[0] <= 500 + ms + OWED
