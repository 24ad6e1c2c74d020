"""Answers to a call that we made: what is said to whom, and when, to the millisecond of the call's clock.

The stream starts at 0 ms, with the session ready and the greeting made. Speech is told of as the session does: its end
500 ms late, its words 300 ms after that.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from bot.call.conversation import who_answered
from bot.call.conversation.who_answered import LONGEST_US, SILENCE_US, SURE_US, WHO_IS_CALLING
from bot.call.inputs import AnswerVerdict, BeepHeard, Verdict
from bot.call.machines import AnswerStage
from bot.call.outputs import End, Report
from bot.call.rule import soonest
from bot.call.settings import CallSettings, Outgoing
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import SessionSettings
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    SESSION,
    ScriptedCall,
    committed,
    echo,
    start,
    updated,
)

NOTICED_MS, WRITTEN_MS = 500, 300
VOICEMAIL = "Hi, you've reached Jane. Leave a message after the beep."
SCREENING = "Please say your name and why you're calling."
MESSAGE = "This is Acme. Please call us back."
INSTRUCTIONS = "You are Acme's assistant. You call to confirm a table for two."


def settings(*, message: str = "", detection: bool = True, written: bool = True, **more: Any) -> CallSettings:
    session = SessionSettings(transcription_model="gpt-transcribe" if written else "", instructions=INSTRUCTIONS)
    outgoing = Outgoing(name="Acme Dental", message=message, detection=detection)
    return CallSettings(session=session, outgoing=outgoing, idle_s=30, filler_s=2, filler_audio="////", **more)


class Line(ScriptedCall):
    """A call that we made. What it said is looked at by when it went to the phone."""

    def __init__(self, chosen: CallSettings | None = None, *, greeting_ms: int = 2_000) -> None:
        super().__init__(chosen or settings(), ready=False)
        self.played: list[tuple[float, str]] = []
        self.number = 0
        self.give(events.SessionCreated(SESSION), updated())
        self.reply("R0", G=greeting_ms)
        self.give(start())

    def raw(self, *inputs: Any) -> list[Any]:
        out = super().raw(*inputs)
        for one in out:
            if isinstance(one, stream.PlayMedia):
                self.played.append((self.now_us / MS, "media"))
            elif isinstance(one, stream.Clear):
                self.played.append((self.now_us / MS, "clear"))
        return out

    def until(self, ms: float) -> Line:
        """Let time go by to `ms`, with a tick whenever one is due."""
        while self.call.ended is None and (due_us := self._next_us()) <= ms * MS:
            self.at(max(due_us, self.now_us) / MS)
            ledger = self.call.playout.ledger
            if ledger._marks and (ledger.end_us() or 0) <= self.now_us:
                self.give(*(echo(one.name) for one in list(ledger._marks)))
            self.tick()
            self._spoken()
        return self.at(ms)  # type: ignore[return-value]

    def _next_us(self) -> int:
        """The next deadline, or when all that was sent has been heard and its marks come back."""
        ledger = self.call.playout.ledger
        heard_us = (ledger.end_us() or 0) if ledger._marks else None
        return soonest(self.call.deadline_us, heard_us)

    def _spoken(self) -> None:
        """A response that the call has asked for is made, and comes at once."""
        if self.call.session.responses.asked and self.call.ended is None:
            self.number += 1
            self.reply(f"R{self.number}", **{f"A{self.number}": 1_000})

    def says(self, text: str | None, since_ms: float, until_ms: float) -> Line:
        """The callee speaks, or a machine. `text` None: its words never come."""
        self.number += 1
        item = f"U{self.number}"
        self.until(since_ms).give(events.SpeechStarted(int(since_ms), item))
        self.until(until_ms + NOTICED_MS).give(events.SpeechStopped(int(until_ms), item), committed(item))
        self._spoken()
        if text is not None:
            self.until(until_ms + NOTICED_MS + WRITTEN_MS).give(events.CallerTranscript(item, text))
            self._spoken()
        return self

    def told(self, by: Verdict, ms: float) -> Line:
        self.until(ms).give(AnswerVerdict(by))
        self._spoken()
        return self

    def beeps(self, ms: float) -> Line:
        self.until(ms).give(BeepHeard(1_000, 300))
        self._spoken()
        return self

    @property
    def first_ms(self) -> float | None:
        """The moment at which the first audio went to the phone."""
        return next((at for at, what in self.played if what == "media"), None)

    @property
    def found(self) -> list[str]:
        return [one.details["by"] for one in self.reports if one.event == "answered"]

    def report(self, name: str) -> list[Report]:
        return [one for one in self.reports if one.event == name]

    @property
    def asked_for(self) -> list[str]:
        """Instructions or items by which the responses were asked for, behind the greeting."""
        return [one.response.get("instructions", "") for one in self.sent(events.CreateResponse)][1:]


def test_the_greeting_is_made_before_anybody_answers_and_says_who_calls_and_why() -> None:
    line = Line()
    (asked,) = line.sent(events.CreateResponse)
    assert asked.response["instructions"].startswith(INSTRUCTIONS)
    assert "say who is calling and why" in asked.response["instructions"]
    assert line.first_ms is None
    assert line.call.state is State.OPENING


def test_words_that_the_operator_chose_are_said_exactly() -> None:
    line = Line(settings(greeting="Hello, this is Acme."))
    assert line.sent(events.CreateResponse)[0].response["instructions"].endswith("\n\nHello, this is Acme.")


# ---- a person ----


def test_a_person_says_hello_and_hears_the_greeting_a_second_later() -> None:
    line = Line().says("Hello?", 400, 1_000).until(4_000)
    assert (line.first_ms, line.found) == (2_000, ["human"])
    assert line.asked_for == []  # the greeting is the answer to hello


def test_a_verdict_of_human_need_not_wait_for_the_second_to_be_over() -> None:
    line = Line().says("Hello?", 400, 1_000).told("human", 1_850).until(4_000)
    assert (line.first_ms, line.found) == (1_850, ["human"])


def test_nobody_is_talked_over_whatever_the_verdict() -> None:
    line = Line().told("human", 300)
    assert line.first_ms == 300
    line = Line().until(400)
    line.give(events.SpeechStarted(400, "U"))
    line.told("human", 700).until(3_000)
    assert line.first_ms is None
    line.give(events.SpeechStopped(2_900, "U"), committed("U"))
    line.give(events.CallerTranscript("U", "Smith and Sons, good morning, what can I do for you?"))
    line.until(6_000)
    assert (line.first_ms, line.found) == (3_000, ["human"])


def test_a_callee_who_says_nothing_is_greeted_after_five_seconds_as_uncertain() -> None:
    line = Line().until(10_000)
    assert (line.first_ms, line.found) == (SILENCE_US / MS, ["uncertain"])
    assert Line().told("unknown", 4_200).first_ms == 4_200


def test_where_no_words_are_written_down_a_short_hello_is_enough() -> None:
    line = Line().says(None, 400, 1_000).until(6_000)
    assert (line.first_ms, line.found) == (4_000, ["uncertain"])
    line = Line(settings(written=False)).says(None, 400, 1_000).until(6_000)
    assert (line.first_ms, line.found) == (2_000, ["uncertain"])


def test_a_long_speech_without_a_known_phrase_waits_for_the_verdict() -> None:
    name = "Doctor Miller, practice for internal medicine and cardiology, on Main Street"
    line = Line().says(name, 300, 4_000).told("human", 6_000).until(12_000)
    assert (line.first_ms, line.found) == (6_000, ["human"])
    line = Line().says(name, 300, 4_000).until(12_000)
    assert (line.first_ms, line.found) == (9_000, ["uncertain"])
    line = Line(settings(detection=False)).says(name, 300, 4_000).until(12_000)
    assert (line.first_ms, line.found) == (5_000, ["uncertain"])


def test_a_person_who_answers_the_bot_is_one_for_certain_and_the_turns_go_to_the_server() -> None:
    line = Line().until(6_000)
    assert (line.found, line.call._parts.floor.answer_stage) == (["uncertain"], AnswerStage.PERSON)
    line.says("Yes, who is it?", 7_500, 8_500).says("I see.", 10_500, 11_000).until(13_000)
    assert line.found == ["uncertain", "human"]
    assert line.call._parts.floor.answer_stage is AnswerStage.CONVERSATION


def test_after_a_while_what_was_found_stands() -> None:
    line = Line().until(6_000).told("human", 7_000)
    assert line.found == ["uncertain", "human"]
    line = Line().until((SILENCE_US + SURE_US) / MS + 1)
    assert (line.found, line.call._parts.floor.sure) == (["uncertain"], True)
    line.told("machine_end_beep", 26_000).until(30_000)
    assert line.found == ["uncertain"]


# ---- a voicemail ----

MACHINES: dict[str, Any] = {
    "by its words, and silence ends it": (lambda line: line.says(VOICEMAIL, 300, 4_000), 4_000 + 3_000),
    "by its words, and our own ear hears the beep": (lambda line: line.says(VOICEMAIL, 300, 4_000).beeps(5_000), 5_000),
    "by its words, and Twilio's": (
        lambda line: line.says(VOICEMAIL, 300, 4_000).told("machine_end_beep", 5_500),
        5_500,
    ),
    "by the verdict alone, and its beep": (
        lambda line: line.says("Smith family.", 300, 4_000).told("machine_end_beep", 5_500),
        5_500,
    ),
    "by the verdict alone, and its silence": (
        lambda line: line.says("The Smith family, we are out.", 300, 4_000).told("machine_end_silence", 5_500),
        5_500,
    ),
    "by a verdict before the words": (
        lambda line: line.told("machine_start", 2_000).says("We are out.", 2_100, 4_000),
        4_000 + 3_000,
    ),
    "although Twilio says human": (
        lambda line: (
            (
                line.until(300).give(events.SpeechStarted(300, "U")),
                line.until(4_500).give(events.SpeechStopped(4_000, "U"), committed("U")),
                line.told("human", 4_600),
                line.until(5_500).give(events.CallerTranscript("U", VOICEMAIL)),
            )
            and line
        ),
        4_000 + 3_000,
    ),
    "by the beep alone": (lambda line: line.says(None, 300, 4_000).beeps(5_000), 5_000),
    "its greeting has pauses": (
        lambda line: (
            line.says("Hello.", 300, 700).says("This is Jane.", 1_500, 2_300).says(VOICEMAIL, 3_100, 6_000).beeps(7_000)
        ),
        7_000,
    ),
    "words come while it still speaks": (
        lambda line: (
            line.until(300).give(events.SpeechStarted(300, "U")),
            line.until(2_000).give(events.CallerTranscriptGrows("U", "You have reached")),
            line.until(9_000).give(events.SpeechStopped(8_500, "U"), committed("U")),
            line.beeps(9_100),
        )[-1],
        9_100,
    ),
}


@pytest.mark.parametrize(("happens", "over_ms"), MACHINES.values(), ids=MACHINES)
def test_nothing_is_said_over_a_voicemail_and_the_message_follows_its_end(happens: Any, over_ms: int) -> None:
    line = Line(settings(message=MESSAGE))
    happens(line).until(over_ms + 200)
    assert line.first_ms == over_ms
    assert line.found[-1] == "machine"
    items = [one.item["content"][0]["text"] for one in line.sent(events.CreateItem)]
    assert [one for one in items if MESSAGE in one] == [f"{who_answered.MESSAGE}{MESSAGE}"]
    assert [one.response["metadata"]["purpose"] for one in line.sent(events.CreateResponse)[1:]] == ["goodbye"]
    assert {one.item_id for one in line.sent(events.DeleteItem)} == {"G"}  # the greeting was never said
    line.until(over_ms + 20_000)
    assert [one.reason for one in line.sent(End)] == ["bot_hung_up"]


@pytest.mark.parametrize(("happens", "over_ms"), MACHINES.values(), ids=MACHINES)
def test_without_a_message_a_voicemail_hears_nothing_at_all(happens: Any, over_ms: int) -> None:
    line = Line()
    happens(line).until(over_ms + 100)
    assert line.first_ms is None
    assert [one.reason for one in line.sent(End)] == ["bot_hung_up"]
    assert line.found[-1] == "machine"


def test_a_message_is_left_to_its_end_whatever_the_mailbox_sounds_like() -> None:
    line = (
        Line(settings(message=MESSAGE)).says(VOICEMAIL, 300, 4_000).beeps(5_000).says(None, 5_200, 5_400).until(6_500)
    )
    assert [what for _, what in line.played if what == "clear"] == []
    line.until(30_000)
    assert [one.reason for one in line.sent(End)] == ["bot_hung_up"]


def test_what_was_taken_for_a_person_falls_silent_at_the_words_of_a_machine_and_the_message_is_left() -> None:
    line = Line(settings(message=MESSAGE), greeting_ms=6_000).says("Hello.", 300, 700).until(2_000)
    assert (line.first_ms, line.found) == (1_700, ["human"])
    line.says(VOICEMAIL, 2_500, 6_000)
    assert line.found == ["human", "machine"]
    spoken_at = [at for at, what in line.played if what == "media" and at > 2_500]
    assert spoken_at == []
    line.beeps(7_200).until(7_300)
    assert max(at for at, what in line.played if what == "media") == 7_200


def test_a_machine_that_comes_to_no_end_is_hung_up_on() -> None:
    line = Line(settings(message=MESSAGE)).told("machine_start", 1_000)
    line.give(events.SpeechStarted(1_100, "U"))
    line.until(1_000 + LONGEST_US / MS + 100)
    assert (line.first_ms, [one.reason for one in line.sent(End)]) == (None, ["bot_hung_up"])
    line = Line()
    line.give(events.SpeechStarted(100, "U"))
    line.until(LONGEST_US / MS + 100)
    assert (line.first_ms, [one.reason for one in line.sent(End)]) == (None, ["bot_hung_up"])


def test_a_fax_is_hung_up_on() -> None:
    line = Line(settings(message=MESSAGE)).told("fax", 2_000).until(2_050)
    assert (line.first_ms, line.found, [one.reason for one in line.sent(End)]) == (None, ["machine"], ["bot_hung_up"])
    assert line.report("nobody_to_talk_to")[0].details["why"] == "fax"


# ---- call screening ----


def screened() -> Line:
    return Line(settings(message=MESSAGE)).says(SCREENING, 300, 4_000).until(7_000)


def test_a_screening_is_told_once_who_calls_and_why_and_then_waited_for() -> None:
    line = screened()
    assert (line.first_ms, line.found) == (5_000, ["screening"])
    assert line.asked_for == [f"{INSTRUCTIONS}\n\n{WHO_IS_CALLING.format(name=chr(34) + 'Acme Dental' + chr(34))}"]
    assert line.call._parts.floor.answer_stage is AnswerStage.SCREENED
    line.says("Thanks. Please stay on the line.", 7_500, 9_000).until(30_000)
    assert len(line.asked_for) == 1  # no prompt, no filler, no answer
    assert max(at for at, _ in line.played) < 6_100


def test_the_next_voice_behind_a_screening_is_the_callee_and_is_told_again() -> None:
    line = screened().says("Hi, this is Jane.", 20_000, 21_000).until(24_000)
    assert line.found == ["screening", "human"]
    assert len(line.asked_for) == 2
    assert any(one.item.get("id") == who_answered.SCREENED_ITEM for one in line.sent(events.CreateItem))


def test_a_screening_that_asks_again_gets_no_second_answer() -> None:
    line = screened().says(SCREENING, 8_000, 10_000).until(30_000)
    assert len(line.asked_for) == 1
    assert line.found == ["screening"]


def test_a_screening_that_ends_in_a_voicemail_gets_the_message() -> None:
    line = screened().says(VOICEMAIL, 15_000, 18_000).beeps(19_000).until(19_200)
    assert line.found == ["screening", "machine"]
    assert max(at for at, what in line.played if what == "media") == 19_000


def test_a_screening_that_comes_to_nothing_is_hung_up_on() -> None:
    line = screened().until(7_000 + LONGEST_US / MS)
    assert ([one.reason for one in line.sent(End)], line.found) == (["bot_hung_up"], ["screening"])


@pytest.mark.parametrize("verdict", ["machine_start", "machine_end_silence", "machine_end_other", "human"])
def test_a_screening_is_one_whatever_the_verdict(verdict: Verdict) -> None:
    line = Line(settings(message=MESSAGE)).says(SCREENING, 300, 4_000).told(verdict, 4_900).until(7_500)
    assert line.found[-1] == "screening"
    assert len(line.asked_for) == 1
    line = Line(settings(message=MESSAGE)).until(300)
    line.give(events.SpeechStarted(300, "U"))
    line.told(verdict, 2_000)
    line.until(4_500).give(events.SpeechStopped(4_000, "U"), committed("U"))
    line.until(5_300).give(events.CallerTranscript("U", SCREENING))
    line.until(9_000)
    assert line.found[-1] == "screening"
    assert len(line.asked_for) == 1


# ---- whatever comes ----


def test_no_filler_no_prompt_and_no_apology_is_heard_before_it_is_known_who_listens() -> None:
    line = Line(settings(message=MESSAGE))
    line.give(events.SpeechStarted(100, "U"))
    line.until(60_000)
    assert line.played == []


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_a_verdict_told_twice_is_one(verdict: Verdict) -> None:
    once = Line(settings(message=MESSAGE)).says("Hello?", 300, 900).told(verdict, 1_800).until(20_000)
    twice = (
        Line(settings(message=MESSAGE)).says("Hello?", 300, 900).told(verdict, 1_800).told(verdict, 1_800).until(20_000)
    )
    assert (once.found, once.played) == (twice.found, twice.played)


def test_a_call_that_came_in_takes_no_verdict() -> None:
    desk = ScriptedCall(CallSettings(greeting="Hello."))
    assert desk.give(AnswerVerdict("fax"), BeepHeard(1_000, 300)) == []
    assert desk.call._parts.floor.answer_stage is AnswerStage.CONVERSATION


def test_the_session_waits_as_long_as_it_may_ring_and_the_line_costs_from_the_pick_up() -> None:
    desk = ScriptedCall(settings(), ready=False)
    desk.give(events.SessionCreated(SESSION), updated())
    desk.at(69_000).tick()
    assert desk.call.ended is None
    desk.at(70_000).tick()
    assert desk.call.ended == "line_lost"
