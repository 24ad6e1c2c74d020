"""A session that owes a word and says nothing at all is lost; nothing is ever asked of one that does not."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from bot.audio import wav
from bot.audio.payload import FRAME_BYTES, SILENCE_BYTE
from bot.call.inputs import ModelClosed, SessionWaiting
from bot.call.rules.session_liveness import ANSWER_US, CANCEL_US, LATE_US, SPEECH_US
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.session import SessionSettings, TurnDetection
from bot.twilio.stream import Media, MediaPart
from tests.call.scripted_call import (
    MS,
    SESSION,
    SID,
    ScriptedCall,
    added,
    audio_done,
    committed,
    created,
    delta,
    done,
    item_done,
    speaks,
    stops,
    updated,
)
from tests.call.scripted_call import audio as audio_of

VOICE = bytes((0x10, 0x90)) * (FRAME_BYTES // 2)
REST = bytes((SILENCE_BYTE,)) * FRAME_BYTES
HISS = bytes((0x70, 0xF0)) * (FRAME_BYTES // 2)
"""Audio at a level of about 100: a line at rest."""
NOISE = bytes((0x50, 0xD0)) * (FRAME_BYTES // 2)
"""Audio at a level of about 550: a line that is never quiet."""
ANSWER, CANCEL, SPEECH, LATE = (us // MS for us in (ANSWER_US, CANCEL_US, SPEECH_US, LATE_US))
SILENCE_MS = 500
FILLED = CallSettings(filler_audio=audio_of(800))
RECORDINGS = sorted((Path(__file__).parents[4] / "shared" / "audio").glob("*.wav"))


class Line:
    """A caller's frames, twenty milliseconds each, and ticks when they are due."""

    def __init__(self, settings: CallSettings = FILLED) -> None:
        self.desk = ScriptedCall(settings)
        self.said: list[tuple[int, str]] = []
        """Messages that went out, each with its time in ms, but for the caller's own audio and marks."""
        self.ms = 0

    def send(self, audio: bytes, ms: int) -> Line:
        """Send `audio` over and over, for so long."""
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
    def lost(self) -> list[int]:
        return [ms for ms, one in self.said if one == "dial"]


def fills(one: str) -> bool:
    return one.startswith("media")


# ---- the answer ----


@pytest.mark.parametrize("barge_in", ["on", "after_greeting", "off"])
def test_one_that_does_not_begin_an_answer_is_lost(barge_in: str) -> None:
    line = Line(CallSettings(barge_in=barge_in)).send(REST, 1_000)  # type: ignore[arg-type]
    line.desk.give(speaks(), stops(), committed())
    line.send(REST, 5_000)
    assert line.lost[:1] == [1_000 + ANSWER]
    assert line.desk.call.counts["sessions_lost"] == line.desk.call.counts["sessions_given_up"] == 1


def test_one_that_hangs_before_the_turn_is_committed_is_lost_too() -> None:
    line = Line().send(REST, 1_000)
    line.desk.give(speaks(), stops())
    line.send(REST, 5_000)
    assert line.lost[:1] == [1_000 + ANSWER]


def test_that_the_caller_repeats_themselves_puts_nothing_off() -> None:
    line = Line().send(REST, 1_000)
    line.desk.give(speaks(), stops(), committed())
    line.send(REST, 1_000).send(VOICE, 600).send(REST, 700).send(VOICE, 3_000)
    assert line.lost[:1] == [1_000 + ANSWER]


def test_any_event_is_a_sign_of_life() -> None:
    line = Line().send(REST, 1_000)
    line.desk.give(speaks(), stops(), committed())
    line.send(REST, 2_500)
    line.desk.give(events.Unknown("rate_limits.updated"))
    line.send(REST, 2_900)
    assert line.lost == []
    line.send(REST, 200)
    assert line.lost == [3_500 + ANSWER]


@pytest.mark.parametrize(("response_s", "most_ms"), [(8, 6_000), (10, 7_500), (30, 22_500)])
@pytest.mark.parametrize("sounded", [False, True])
@pytest.mark.parametrize("barge_in", ["on", "after_greeting"])
def test_one_that_says_nothing_while_it_makes_an_answer_is_lost(
    response_s: float, most_ms: int, *, sounded: bool, barge_in: str
) -> None:
    """However little of it has been heard."""
    line = Line(CallSettings(response_s=response_s, barge_in=barge_in, apology_audio=audio_of(500))).send(REST, 1_000)  # type: ignore[arg-type]
    line.desk.give(speaks(), stops(), committed(), created("R1"), *([delta("R1", "A", 400)] if sounded else []))
    assert line.send(REST, most_ms).lost == []
    assert line.send(REST, 100).lost == [1_000 + most_ms]


@pytest.mark.parametrize("late_ms", [2_300, 5_000, 5_900])
def test_a_model_that_takes_its_time_before_the_first_sound_or_between_two_is_not(late_ms: int) -> None:
    line = Line().send(REST, 1_000)
    line.desk.give(speaks(), stops(), committed(), created("R1"))
    line.send(REST, late_ms).desk.give(added("R1", "A"))
    line.send(REST, 2_000).desk.give(delta("R1", "A", 400))
    line.send(REST, late_ms).desk.give(delta("R1", "A", 400), audio_done("R1", "A"), item_done("A"), done("R1"))
    assert line.send(REST, 9_000).lost == []


def test_nor_one_of_which_the_caller_has_cut_the_answer_short_and_goes_on_to_speak() -> None:
    line = Line().send(REST, 1_000)
    line.desk.give(speaks(), stops(), committed(), created("R1"), delta("R1", "A", 400), speaks())
    assert line.send(VOICE, 9_000).lost == []


def test_no_answer_is_owed_to_a_caller_who_has_gone_on_to_speak() -> None:
    """The response asked for before is cancelled as it is made; then a healthy session has nothing to say."""
    line = Line(CallSettings(barge_in="after_greeting")).send(REST, 1_000)
    assert line.desk.give(speaks(), stops(), committed()) == ["create"]
    line.desk.give(speaks())
    assert line.desk.give(created("R1"), done("R1", "cancelled")) == ["cancel R1"]
    assert line.send(VOICE, 8_000).lost == []
    line.desk.give(stops())
    assert line.send(REST, ANSWER + 100).lost == [9_000 + ANSWER]


def test_nor_to_one_who_hears_only_the_goodbye_once_the_greeting_is_over() -> None:
    """The time is up while the greeting waits for them; it is longer than an answer may take to begin."""
    line = Line(CallSettings(greeting="Hello.", max_call_s=1))
    line.desk.give(created("R1"), delta("R1", "A", 4_000), audio_done("R1", "A"), item_done("A"), done("R1"))
    line.send(VOICE, 500).desk.give(speaks())
    line.send(VOICE, 1_000).desk.give(stops(), committed())
    line.send(REST, 6_500)
    assert line.lost == []
    assert any(one == "item message goodbye" for _, one in line.said)


# ---- the end of a response that was cancelled ----


def test_one_that_does_not_end_a_response_that_was_cancelled_is_lost() -> None:
    line = Line(CallSettings(barge_in="after_greeting"))
    line.desk.give(speaks(), stops(), committed(), speaks(), created("R1"))
    line.send(VOICE, 2_000)
    assert line.lost[:1] == [CANCEL]


def test_a_response_that_the_server_cancels_by_itself_is_its_own_affair() -> None:
    line = Line()
    line.desk.give(created("R1"), delta("R1", "A", 4_000), speaks())
    assert line.send(VOICE, 4_000).lost == []


# ---- the end of speech ----


def test_one_that_does_not_tell_the_end_of_speech_is_lost_and_the_caller_hears_something_at_once() -> None:
    line = Line().send(REST, 1_000).send(VOICE, 300)
    line.desk.give(speaks())
    line.send(VOICE, 4_000).send(REST, 1_600)
    (lost,) = line.lost
    assert abs(lost - (5_300 + SILENCE_MS + SPEECH)) <= 60
    assert [ms for ms, one in line.said if fills(one)] == [lost]


@pytest.mark.parametrize(
    ("detection", "longest_ms"),
    [
        (TurnDetection(silence_duration_ms=2_000), 2_000),
        (TurnDetection("semantic_vad"), 4_000),
        (TurnDetection("semantic_vad", eagerness="low"), 8_000),
        (TurnDetection("semantic_vad", eagerness="high"), 2_000),
    ],
)
def test_it_is_not_due_before_the_server_itself_would_tell_it(detection: TurnDetection, longest_ms: int) -> None:
    line = Line(CallSettings(session=SessionSettings(turn_detection=detection)))
    line.desk.give(speaks())
    line.send(VOICE, 1_000).send(REST, longest_ms + SPEECH - 40)
    assert line.lost == []
    assert line.send(REST, 100).lost


@pytest.mark.parametrize("spoken_ms", range(1_000, 2_600, 100))
def test_nor_as_soon_as_all_of_the_silence_is_handed_over_at_once_after_a_stall(spoken_ms: int) -> None:
    """The silence is in the audio, but the session has had it for no more than 400 ms."""
    line = Line().send(REST, 3_000)
    line.desk.give(speaks(3_000))
    line.send(VOICE, spoken_ms)
    desk, stalled_ms = line.desk, line.ms
    while (due_us := desk.call.deadline_us or 0) < (stalled_ms + 1_550) * MS:
        assert "dial" not in desk.at(max(due_us, desk.now_us) / MS).tick()
    desk.at(stalled_ms + 1_550)
    for at in range(stalled_ms, stalled_ms + 1_560, 20):
        desk.give(Media(MediaPart(base64.b64encode(REST).decode(), at), SID))
    line.ms += 1_560
    assert line.send(REST, 400).lost == []
    assert line.send(REST, 1_200).lost


@pytest.mark.parametrize("audio", [VOICE, NOISE])
def test_it_is_not_due_while_the_line_is_not_quiet(audio: bytes) -> None:
    line = Line().send(VOICE, 500)
    line.desk.give(speaks())
    assert line.send(audio, 60_000).said == []


def test_nor_when_the_caller_was_not_heard_to_speak() -> None:
    """The server takes faint sound for speech: then its end can't be heard either."""
    line = Line().send(HISS, 500)
    line.desk.give(speaks())
    assert line.send(HISS, 20_000).said == []


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_the_end_of_recorded_speech_is_seen_and_no_rest_inside_it_is_taken_for_one(path: Path) -> None:
    speech = wav.read(path)
    ms = len(speech) // FRAME_BYTES * 20
    line = Line().send(HISS, 500)
    line.desk.give(speaks())
    assert line.send(speech, ms).lost == []
    line.send(HISS, SILENCE_MS + SPEECH + 100)
    assert len(line.lost) == 1


# ---- nothing owed ----


@pytest.mark.parametrize("audio", [REST, HISS, NOISE, VOICE])
@pytest.mark.parametrize("dialect", ["openai", "xai"])
def test_nothing_is_asked_of_a_session_whatever_the_line_brings(audio: bytes, dialect: str) -> None:
    session = SessionSettings(dialect=dialect)  # type: ignore[arg-type]
    assert Line(CallSettings(session=session)).send(audio, 60_000).said == []


def test_noise_now_and_then_that_the_session_takes_for_none_is_nothing_either() -> None:
    line = Line()
    for _ in range(10):
        line.send(VOICE, 400).send(REST, 3_000)
    assert line.said == []


def test_one_that_hangs_with_nothing_owed_is_found_by_the_next_thing_that_is_asked_of_it() -> None:
    line = Line(CallSettings(idle_s=10))
    line.send(VOICE, 600).send(REST, 14_000)
    assert line.said[0] == (10_000, "item message still_there_1")
    assert line.lost[:1] == [10_000 + ANSWER]


@pytest.mark.parametrize(("waits", "after_ms"), [(True, 0), (False, 1_000)])
def test_who_was_not_waiting_hears_of_a_loss_only_when_it_lasts(*, waits: bool, after_ms: int) -> None:
    desk = ScriptedCall(FILLED)
    desk.at(5_000)
    if waits:
        desk.give(speaks(), stops(), committed())
    desk.at(6_500).give(ModelClosed("timeout"))
    heard = [ms for ms in range(6_500, 8_000, 100) if any(map(fills, desk.at(ms).tick()))]
    assert heard[:1] == [6_500 + after_ms]


# ---- the clock ----


def test_a_clock_that_stood_still_is_no_word_missed() -> None:
    desk = ScriptedCall(FILLED)
    desk.at(1_000).give(speaks(), stops(), committed())
    assert "dial" not in desk.at(9_000).tick()
    assert "dial" not in desk.at(9_000 + LATE - 1).tick()
    desk.give(created("R1"))
    assert "dial" not in desk.at(12_000).tick()
    assert desk.call.counts["sessions_lost"] == 0


def test_one_that_stays_mute_after_that_is_lost_in_the_end() -> None:
    desk = ScriptedCall(CallSettings(response_s=30))
    desk.at(1_000).give(speaks(), stops(), committed())
    desk.at(6_000).tick()
    assert "dial" in desk.at(6_000 + LATE).tick()


def test_where_the_model_may_take_all_the_time_it_wants_nothing_is_due() -> None:
    desk = ScriptedCall(CallSettings(response_s=0))
    desk.at(1_000).give(speaks(), stops(), committed())
    assert "dial" not in desk.at(60_000).tick()


def test_an_answer_that_was_lost_twice_is_apologised_for() -> None:
    desk = ScriptedCall(CallSettings(apology_audio=audio_of(700)))
    desk.give(speaks(), stops(), committed())
    for n in (1, 2):
        before = len(desk.reports)
        desk.at(n * 4_000).tick()
        desk.at(n * 4_000 + LATE).tick()
        told = [one.event for one in desk.reports[before:]]
        assert ("apology_played" in told) is (n == 2)
        assert "session_lost" in told
        if n == 1:
            desk.give(SessionWaiting(), events.SessionCreated(SESSION), updated())
