"""Bounds of a call besides money, in virtual time: how long it lasts, silence, turns that lead nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.conversation.state_deadlines import CLOSING_US, GRACE_US
from bot.call.inputs import Tick
from bot.call.rules.idle import PROMPT
from bot.call.rules.no_progress import MIN_TURNS, likeness
from bot.call.rules.wrap_up import WRAP_UP
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.realtime import events
from bot.realtime.errors import NO_TRANSCRIBER
from tests.call.priced_call import goodbye, heard
from tests.call.scripted_call import (
    ScriptedCall,
    audio_done,
    committed,
    created,
    delta,
    done,
    frame,
    item_done,
    speaks,
    stops,
)

ASK = "create ['metadata', 'tool_choice']"
BYE = ["update us", "item message goodbye", "create ['max_output_tokens', 'metadata', 'tool_choice']"]
END_OF_SPEECH = 2_500
"""Half a second of speech, and two in which its mark does not come back."""
Said = list[tuple[int, str]]


UNTOLD = ("append", "media", "mark", "clear")


class Talk:
    """A call whose model answers each request with half a second of speech, and whose line sends noise."""

    def __init__(self, settings: CallSettings) -> None:
        self.desk = ScriptedCall(settings)
        self.said: Said = []
        """Messages that went out, each with its time in ms, but for audio."""
        self._responses = 0
        self._turns = 0

    def until(self, ms: float) -> Said:
        """Live until then. What went out since the last time."""
        before = len(self.said)
        while (due_us := self.desk.call.deadline_us) is not None and due_us <= ms * 1000:
            self.desk.at(due_us / 1000)
            self._take(self.desk.give(frame(due_us // 1000), Tick()))
        self.desk.at(max(ms, self.desk.now_us / 1000))
        return self.said[before:]

    def turn(self, text: str | None, *, ms: int = 1_000, failed: str | None = None) -> None:
        """The caller says something; None: nobody ever learns what. `failed`: the code of why it was not written down."""
        self._turns += 1
        item = f"U{self._turns}"
        self._take(self.desk.give(speaks()))
        self.until(self.desk.now_us / 1000 + ms)
        self._take(self.desk.give(stops(), committed(item)))
        self._speak(created(f"A{self._turns}"), f"A{self._turns}")
        if failed is not None:
            self._take(self.desk.give(events.CallerTranscriptFailed(item, events.Problem(code=failed))))
        elif text is not None:
            self._take(self.desk.give(heard(item, 0, text)))

    def _take(self, out: list[str]) -> None:
        at_ms = self.desk.now_us // 1000
        self.said += [(at_ms, one) for one in out if not one.startswith(UNTOLD)]
        for one in out:
            if one.startswith("create"):
                self._responses += 1
                name = f"R{self._responses}"
                self._speak(goodbye(name) if one == BYE[-1] else created(name), name)

    def _speak(self, begun: events.ResponseCreated, name: str) -> None:
        item = f"I{name}"
        self._take(self.desk.give(begun, delta(name, item, 500), audio_done(name, item), item_done(item), done(name)))

    @property
    def warnings(self) -> list[str]:
        return [one.event for one in self.desk.reports if one.level == "warning"]


# ---- silence ----


def test_a_silent_caller_is_asked_twice_and_then_told_goodbye() -> None:
    talk = Talk(CallSettings(idle_s=10))
    second = 20_000 + END_OF_SPEECH
    over = second + END_OF_SPEECH + 10_000
    assert talk.until(120_000) == [
        *((10_000, one) for one in ("item message still_there_1", ASK)),
        *((second, one) for one in ("item message still_there_2", ASK)),
        *((over, one) for one in BYE),
        (over + END_OF_SPEECH, "end idle"),
    ]
    assert talk.warnings == ["idle_reached"]
    assert talk.desk.call.goodbye.heard
    assert talk.desk.call.counts["idle_prompts"] == 2
    item = talk.desk.sent(events.CreateItem)[0].item
    assert (item["role"], item["content"]) == ("system", [{"type": "input_text", "text": PROMPT}])


def test_a_caller_who_answers_begins_anew() -> None:
    talk = Talk(CallSettings(idle_s=10))
    talk.until(15_000)
    talk.turn("Yes, I am here.")
    at_ms = talk.desk.now_us // 1000
    again = talk.until(60_000)
    assert [one for _, one in again if one.startswith("item")] == [
        *("item message still_there_2", "item message still_there_3", "item message goodbye"),
    ]
    assert again[0][0] == at_ms + END_OF_SPEECH + 10_000


def test_noise_that_is_taken_for_speech_and_holds_no_words_sets_nothing_back() -> None:
    talk = Talk(CallSettings(idle_s=10))
    talk.until(8_000)
    talk.turn("")
    at_ms = talk.desk.now_us // 1000
    assert talk.until(30_000)[0] == (at_ms + END_OF_SPEECH + 2_000, "item message still_there_1")


def test_words_that_nobody_writes_down_count_as_words() -> None:
    talk = Talk(CallSettings(idle_s=10))
    for _ in range(5):
        talk.until(talk.desk.now_us / 1000 + 9_000)
        talk.turn(None)
    assert talk.said == []


def noises(talk: Talk, *, until_s: float, failed: str | None = None) -> float:
    """Make 400 ms of noise every 20 s until the call is over, or until then. Gives the time of that in seconds."""
    while talk.desk.call.ended is None and talk.desk.now_us < until_s * 1_000_000:
        talk.until(talk.desk.now_us / 1000 + 19_600)
        if talk.desk.call.ended is None:
            talk.turn(None, ms=400, failed=failed)
    return talk.desk.now_us / 1_000_000


@pytest.mark.parametrize("code", ["audio_unintelligible", "server_error", "rate_limit_exceeded", "made_up", ""])
def test_noise_every_20_s_that_can_not_be_written_down_is_silence_with_nobody_there(code: str) -> None:
    talk = Talk(CallSettings(idle_s=30))
    assert noises(talk, until_s=3_600, failed=code) < 150
    assert talk.desk.call.ended == "idle"
    assert talk.warnings == ["transcription_failed", "idle_reached"]
    assert talk.desk.call.errors.total() == talk.desk.call.counts["transcriptions_failed"] >= 4


@pytest.mark.parametrize("code", sorted(NO_TRANSCRIBER))
def test_where_there_is_no_transcriber_at_all_a_turn_counts_as_words(code: str) -> None:
    talk = Talk(CallSettings(idle_s=30))
    assert noises(talk, until_s=600, failed=code) >= 600
    assert talk.desk.call.ended is None
    assert talk.warnings == ["transcription_failed"]
    assert talk.desk.call.errors == {code: talk.desk.call.counts["transcriptions_failed"]}


def test_noise_of_which_no_transcript_ever_comes_is_silence_where_others_were_written_down() -> None:
    talk = Talk(CallSettings(idle_s=30))
    talk.turn("Hello?")
    assert noises(talk, until_s=3_600) < 150
    assert talk.desk.call.ended == "idle"


def test_words_that_come_late_are_words() -> None:
    talk = Talk(CallSettings(idle_s=10))
    talk.turn("Hello?")
    talk.until(talk.desk.now_us / 1000 + 11_000)
    talk.turn(None)
    talk.until(talk.desk.now_us / 1000 + 9_500)
    talk._take(talk.desk.give(heard("U2", 0, "late")))
    talk.until(talk.desk.now_us / 1000 + 2_000)
    assert talk.desk.call.counts["idle_prompts"] == 0


def test_the_silence_stands_still_while_an_answer_is_made() -> None:
    desk = ScriptedCall(CallSettings(idle_s=10))
    desk.at(9_000).give(created("R1"), delta("R1", "A", 20_000))
    assert "item message still_there_1" not in desk.at(25_000).give(frame(25_000), Tick())


def test_without_a_limit_nobody_is_asked() -> None:
    assert Talk(CallSettings(idle_s=0)).until(600_000) == []


# ---- the longest call ----


def test_the_model_is_told_in_time_and_says_goodbye_at_the_limit() -> None:
    talk = Talk(CallSettings(max_call_s=600))
    assert talk.until(700_000) == [
        (570_000, "item message wrap_up"),
        *((600_000, one) for one in BYE),
        (600_000 + END_OF_SPEECH, "end time_limit"),
    ]
    assert talk.warnings == ["time_limit_reached"]
    told = [one for one in talk.desk.reports if one.event.startswith("time_limit")]
    assert [(one.event, one.details) for one in told] == [
        ("time_limit_near", {"limit_s": 600}),
        ("time_limit_reached", {"limit_s": 600}),
    ]
    assert talk.desk.sent(events.CreateItem)[0].item["content"][0]["text"] == WRAP_UP


def test_a_short_limit_warns_a_fifth_of_it_before() -> None:
    assert Talk(CallSettings(max_call_s=10)).until(9_000) == [(8_000, "item message wrap_up")]


def test_a_call_that_is_carried_on_has_what_was_left_of_it() -> None:
    talk = Talk(CallSettings(max_call_s=600, elapsed_s=500))
    assert [at for at, one in talk.until(200_000) if one == "update us"] == [100_000]


def test_a_sentence_is_finished_before_the_goodbye() -> None:
    desk = ScriptedCall(CallSettings(max_call_s=60))
    desk.at(59_000).give(created("R1"), delta("R1", "A", 5_000), audio_done("R1", "A"), item_done("A"), done("R1"))
    assert BYE[0] in desk.at(60_000).tick()
    assert desk.call.state is State.SPEAKING
    assert BYE[1] not in desk.at(63_900).tick()
    assert BYE[1] in desk.at(66_100).tick()


def test_who_speaks_for_ever_is_cut_off_in_the_end_and_it_is_the_time_that_did_it() -> None:
    desk = ScriptedCall(CallSettings(max_call_s=60))
    desk.at(50_000).give(speaks())
    desk.at(60_000).tick()
    assert [one for one in desk.at(60_000 + CLOSING_US / 1000 - 1).tick() if one.startswith("end")] == []
    assert desk.at(60_000 + CLOSING_US / 1000).tick()[-1] == "end time_limit"
    assert not desk.call.goodbye.heard


def test_whatever_happens_a_minute_more_is_all_there_is() -> None:
    desk = ScriptedCall(CallSettings(max_call_s=60))
    desk.at(59_000).give(created("R1"), delta("R1", "A", 300_000))
    desk.at(60_000).tick()
    assert desk.at(60_000 + GRACE_US / 1000).tick()[-1] == "end time_limit"


# ---- no progress ----

ADVERT = "Your call is important to us, please hold the line"


def ring(texts: list[str], *, every_s: float, settings: CallSettings | None = None) -> Talk:
    talk = Talk(settings or CallSettings(no_progress_s=60))
    for text in texts:
        if talk.desk.call.ended is None:
            talk.turn(text)
            talk.until(talk.desk.now_us / 1000 + every_s * 1000)
    return talk


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([""] * 30, id="nothing understood"),
        pytest.param([ADVERT, ""] * 15, id="one announcement"),
        pytest.param([ADVERT, "Please hold, your call is important to us.", "All lines are busy."] * 10, id="three"),
        pytest.param(["Thank you."] * 30, id="what a transcriber makes of music"),
    ],
)
def test_a_machine_is_told_goodbye(texts: list[str]) -> None:
    talk = ring(texts, every_s=9)
    assert talk.desk.call.ended == "idle"
    assert talk.warnings == ["no_progress"]
    assert [one for _, one in talk.said][-1] == "end idle"
    assert talk.desk.now_us < 120_000_000


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([f"My order has the number {n}{n}{n} and {n}" for n in range(30)], id="sentences"),
        pytest.param(["Yes.", "No."] * 15, id="a survey"),
        pytest.param(["Yes.", "Yes.", "", "No."] * 8, id="a survey with some noise"),
    ],
)
def test_a_person_is_not(texts: list[str]) -> None:
    talk = ring(texts, every_s=9)
    assert (talk.desk.call.ended, talk.said) == (None, [])


def test_few_turns_are_no_machine_however_long_it_takes() -> None:
    assert ring([""] * (MIN_TURNS - 1), every_s=60).desk.call.ended is None


def test_it_needs_its_time_however_many_turns() -> None:
    assert ring([""] * 10, every_s=3).desk.call.ended is None


def test_one_speech_that_never_ends_leads_nowhere_either() -> None:
    talk = Talk(CallSettings(no_progress_s=60, max_call_s=0))
    talk.until(5_000)
    talk.desk.give(speaks())
    assert talk.until(65_000) == [(65_000, "update us")]
    assert talk.until(200_000) == [(65_000 + CLOSING_US // 1000, "end idle")]


def test_zero_is_no_limit() -> None:
    settings = CallSettings(no_progress_s=0)
    assert ring([""] * 30, every_s=9, settings=settings).desk.call.ended is None


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=12)


@given(WORDS, WORDS)
def test_likeness_is_a_part_of_one_and_the_same_either_way(one: list[str], other: list[str]) -> None:
    assert 0 <= likeness(one, other) == likeness(other, one) <= 1
    assert (likeness(one, other) == 1) == (sorted(one) == sorted(other))
