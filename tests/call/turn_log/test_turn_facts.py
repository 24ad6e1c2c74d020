"""Turns as a call tells them: when each is over, what was heard of it, and when it was spoken."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.facts import TurnFact
from bot.call.inputs import PhoneClosed
from bot.call.outputs import End
from bot.call.prompts.greeting import RECORDED_ITEM
from bot.call.settings import CallSettings
from bot.call.transcript.transcript import MAX_TURNS
from bot.realtime import events
from bot.realtime.session import SessionSettings, TurnDetection
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    SID,
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
    item_done,
    speaks,
    start,
    updated,
    words,
)

TEXT = "one two three four five"


def listened(ms: int = 2_000, settings: CallSettings | None = None) -> ScriptedCall:
    """A call in which the caller's line has brought `ms` of audio, a frame each 20 ms from 0 on."""
    desk = ScriptedCall(settings)
    for at in range(0, ms, 20):
        desk.at(at + 20).give(frame(at))
    return desk


def said(response: str, item: str, text: str) -> list[events.ServerEvent]:
    return [added(response, item), words(response, item, text)]


# ---- the caller ----


def test_a_turn_of_the_caller_is_told_at_its_commit_and_again_with_its_words() -> None:
    """Speech from 700 to 1,100: 300 ms of padding before it, 500 ms of silence behind it."""
    desk = listened(1_620)
    desk.give(events.SpeechStarted(400, "U"), events.SpeechStopped(1_600, "U"), committed("U"))
    known = TurnFact(1, "caller", "U", None, began_us=700 * MS, ended_us=1_100 * MS)
    assert desk.turns == [known]
    desk.at(3_000).give(events.CallerTranscript("U", " Hello? "))
    desk.give(events.CallerTranscript("U", "Hello?"))
    assert desk.turns == [known, TurnFact(1, "caller", "U", "Hello?", began_us=700 * MS, ended_us=1_100 * MS)]


def test_with_semantic_vad_the_times_are_the_sessions_own() -> None:
    detection = TurnDetection(type="semantic_vad")
    desk = listened(1_620, CallSettings(session=SessionSettings(turn_detection=detection)))
    desk.give(events.SpeechStarted(400, "U"), events.SpeechStopped(1_100, "U"), committed("U"))
    assert [(turn.began_us, turn.ended_us) for turn in desk.turns] == [(400 * MS, 1_100 * MS)]


def test_a_commit_without_speech_stands_where_it_was_made() -> None:
    desk = ScriptedCall().at(900)
    desk.give(committed("U"), committed("U"))
    assert desk.turns == [TurnFact(1, "caller", "U", None, began_us=900 * MS, ended_us=900 * MS)]


def test_words_before_the_commit_are_a_turn_too() -> None:
    desk = ScriptedCall().at(900)
    desk.give(events.CallerTranscript("U", "Hello?"), committed("U"))
    assert desk.turns == [TurnFact(1, "caller", "U", "Hello?", began_us=900 * MS, ended_us=900 * MS)]


# ---- heard to its end ----


def answered(desk: ScriptedCall, ms: int = 2_000, text: str = TEXT) -> ScriptedCall:
    desk.give(created("R1"), *said("R1", "A", text), delta("R1", "A", 250), delta("R1", "A", ms - 250))
    desk.give(audio_done("R1", "A"), events.TranscriptDone("R1", "A", text), item_done("A"), done("R1"))
    return desk


def test_a_turn_of_the_bot_is_told_once_its_last_mark_has_come_back() -> None:
    """Marks: before the first media, at 250 ms and at the end. The line takes 60 ms there and back."""
    desk = answered(ScriptedCall().at(1_000))
    desk.at(1_060).give(echo("e0.0"))
    desk.at(1_310).give(echo("e0.1"))
    assert not desk.turns
    desk.at(3_060).give(echo("e0.2"))
    assert desk.turns == [TurnFact(1, "bot", "A", TEXT, began_us=1_000 * MS, ended_us=3_000 * MS)]


def test_where_no_mark_comes_back_it_is_told_when_the_line_counts_as_silent() -> None:
    desk = answered(ScriptedCall().at(1_000))
    assert min(desk.call.playout.due_us(0)) == 5_000 * MS
    desk.at(5_000).tick()
    assert desk.turns == [TurnFact(1, "bot", "A", TEXT, began_us=1_000 * MS, ended_us=3_000 * MS)]


def test_a_prebuffer_at_the_phone_is_in_its_times() -> None:
    desk = answered(ScriptedCall().at(1_000))
    desk.at(1_060).give(echo("e0.0"))
    desk.at(1_310 + 120).give(echo("e0.1"))
    desk.at(3_060 + 120).give(echo("e0.2"))
    assert [(turn.began_us, turn.ended_us) for turn in desk.turns] == [(1_120 * MS, 3_120 * MS)]


def test_of_two_items_the_second_begins_where_the_first_ends() -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"))
    for item in ("A", "B"):
        desk.give(*said("R1", item, item), delta("R1", item, 1_000), audio_done("R1", item), item_done(item))
    desk.give(done("R1"))
    desk.at(5_000).tick()
    assert desk.turns == [
        TurnFact(1, "bot", "A", "A", began_us=1_000 * MS, ended_us=2_000 * MS),
        TurnFact(2, "bot", "B", "B", began_us=2_000 * MS, ended_us=3_000 * MS),
    ]


def test_an_item_that_stalls_in_the_middle_ends_with_its_last_byte() -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"), *said("R1", "A", TEXT), delta("R1", "A", 1_000))
    desk.at(4_000).give(delta("R1", "A", 1_000), audio_done("R1", "A"))
    assert not desk.turns
    desk.give(item_done("A"), done("R1"))
    desk.at(7_000).tick()
    assert desk.turns == [TurnFact(1, "bot", "A", TEXT, began_us=1_000 * MS, ended_us=5_000 * MS)]


def test_a_text_that_changes_when_the_turn_is_over_is_told_again() -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"), *said("R1", "A", "Helo"), delta("R1", "A", 400), audio_done("R1", "A"), item_done("A"))
    desk.at(3_400).tick()
    desk.at(3_500).give(events.TranscriptDone("R1", "A", "Hello."), events.TranscriptDone("R1", "A", "Hello."))
    assert [(turn.number, turn.text) for turn in desk.turns] == [(1, "Helo"), (1, "Hello.")]


def test_sound_without_words_is_a_turn_of_unknown_text() -> None:
    desk = ScriptedCall().at(1_000)
    desk.reply("R1", A=400)
    desk.at(3_400).tick()
    assert desk.turns == [TurnFact(1, "bot", "A", None, began_us=1_000 * MS, ended_us=1_400 * MS)]


# ---- cut ----


def test_a_cut_turn_is_told_at_once_and_so_is_what_was_never_reached() -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"), *said("R1", "A", TEXT), delta("R1", "A", 2_000), audio_done("R1", "A"), item_done("A"))
    desk.give(*said("R1", "B", "never heard"), delta("R1", "B", 2_000), *said("R1", "C", "silent"))
    desk.at(1_800).give(speaks())
    assert desk.turns == [
        TurnFact(1, "bot", "A", "one two", "three four five", cut=True, began_us=1_000 * MS, ended_us=1_800 * MS),
        TurnFact(2, "bot", "B", "", "never heard", cut=True, began_us=1_800 * MS, ended_us=1_800 * MS),
        TurnFact(3, "bot", "C", "", "silent", cut=True, began_us=1_800 * MS, ended_us=1_800 * MS),
    ]


def test_a_cut_in_the_second_item_leaves_the_first_whole() -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"), *said("R1", "A", "first"), delta("R1", "A", 1_000), audio_done("R1", "A"), item_done("A"))
    desk.give(*said("R1", "B", TEXT), delta("R1", "B", 2_000), audio_done("R1", "B"), item_done("B"), done("R1"))
    desk.at(2_800).give(speaks())
    assert desk.turns == [
        TurnFact(1, "bot", "A", "first", began_us=1_000 * MS, ended_us=2_000 * MS),
        TurnFact(2, "bot", "B", "one two", "three four five", cut=True, began_us=2_000 * MS, ended_us=2_800 * MS),
    ]


def test_cut_while_the_line_was_dry_it_ended_when_the_sound_did() -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"), *said("R1", "A", "one two three four five six seven"), delta("R1", "A", 500))
    desk.at(2_000).give(speaks())
    (turn,) = desk.turns
    assert (turn.cut, turn.began_us, turn.ended_us) == (True, 1_000 * MS, 1_500 * MS)
    assert turn.text == "one"


def test_an_item_without_words_that_was_never_reached_is_not_told() -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 2_000), added("R1", "B"), delta("R1", "B", 2_000))
    desk.at(1_500).give(speaks())
    assert [(turn.item_id, turn.text, turn.cut) for turn in desk.turns] == [("A", None, True)]


def test_words_of_a_response_that_failed_before_its_sound_were_not_heard() -> None:
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"), *said("R1", "A", "I would have"), done("R1", "failed"))
    assert desk.turns == [
        TurnFact(1, "bot", "A", "", "I would have", cut=True, began_us=1_000 * MS, ended_us=1_000 * MS)
    ]


# ---- the end of the call ----


def test_a_hang_up_in_mid_sentence_cuts_at_what_was_heard_by_then() -> None:
    desk = answered(ScriptedCall().at(1_000))
    out = desk.at(1_800).raw(stream.Stop(SID))
    assert out[-1] == End("caller_hung_up")
    assert out[0] == TurnFact(
        1, "bot", "A", "one two", "three four five", cut=True, began_us=1_000 * MS, ended_us=1_800 * MS
    )
    assert not desk.raw(PhoneClosed())


def test_what_had_been_heard_to_its_end_is_not_cut_by_the_hang_up() -> None:
    desk = answered(ScriptedCall().at(1_000))
    desk.at(3_010).give(PhoneClosed())
    assert [(turn.text, turn.cut) for turn in desk.turns] == [(TEXT, False)]


GREETED = CallSettings(greeting="Good day.", greeting_audio=audio(2_000))


def test_a_recorded_greeting_is_a_turn() -> None:
    desk = ScriptedCall(GREETED)
    desk.at(4_000).tick()
    assert desk.turns == [TurnFact(1, "bot", RECORDED_ITEM, "Good day.", began_us=0, ended_us=2_000 * MS)]


def test_of_a_greeting_that_nobody_came_to_hear_nothing_is_told() -> None:
    desk = ScriptedCall(GREETED, ready=False)
    desk.at(4_000).give(PhoneClosed(1006))
    assert not desk.turns


def test_audio_held_for_a_stream_that_has_not_started_is_of_no_turn_yet() -> None:
    desk = ScriptedCall(ready=False)
    desk.give(events.SessionCreated(events.Session()), updated())
    answered(desk, 1_000)
    assert not desk.turns
    desk.at(500).give(start())
    desk.at(3_500).tick()
    assert desk.turns == [TurnFact(1, "bot", "A", TEXT, began_us=500 * MS, ended_us=1_500 * MS)]


# ---- always ----


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Strategy of conversations: what happens, how many ms later, and how much of it."""
    kinds = st.sampled_from(["words", "audio", "both", "next item", "answer", "speech", "done", "echo", "tick"])
    return draw(st.lists(st.tuples(kinds, st.integers(0, 900), st.integers(1, 1_500)), max_size=40))


class Played:
    """Gives a drawn conversation to a call, and keeps what was said in it."""

    def __init__(self) -> None:
        self.desk = ScriptedCall()
        self.words: dict[str, str] = {}
        self.bytes: dict[str, int] = {}
        self._response = self._item = self._turn = 0
        self._answering = False

    def play(self, kind: str, later_ms: int, size: int) -> None:
        desk = self.desk
        desk.at(desk.now_us / MS + later_ms)
        if kind == "answer" and not self._answering:
            self._response, self._item, self._answering = self._response + 1, self._item + 1, True
            desk.give(created(self._named), added(self._named, self._named_item))
        elif kind == "speech":
            self._turn += 1
            item = f"U{self._turn}"
            desk.give(events.SpeechStarted(10**6, item), events.SpeechStopped(10**6, item), committed(item))
            if self._answering:
                self._end("cancelled")
        elif kind == "tick":
            desk.tick()
        elif kind == "echo":
            for name in [one.mark.name for one in desk.outputs if hasattr(one, "mark")]:
                desk.give(echo(name))
        elif self._answering:
            self._go_on(kind, size)

    def _go_on(self, kind: str, size: int) -> None:
        response, item = self._named, self._named_item
        if kind in {"words", "both"}:
            text = f" w{len(self.words.get(item, ''))} x"
            if self.desk.call.session.responses.audible(response):  # else the caller spoke before it was made
                self.words[item] = self.words.get(item, "") + text
            self.desk.give(words(response, item, text))
        if kind in {"audio", "both"}:
            self.desk.give(delta(response, item, size))
        if kind == "next item":
            self.desk.give(audio_done(response, item), item_done(item))
            self._item += 1
            self.desk.give(added(response, self._named_item))
        if kind == "done":
            self._end("completed")

    def _end(self, status: str) -> None:
        self._answering = False
        self.desk.give(audio_done(self._named, self._named_item), item_done(self._named_item))
        self.desk.give(done(self._named, status))

    @property
    def _named(self) -> str:
        return f"R{self._response}"

    @property
    def _named_item(self) -> str:
        return f"I{self._item}"


@given(conversations())
def test_turns_stand_in_spoken_order_lose_no_word_and_keep_none_of_an_unheard_item(
    drawn: list[tuple[str, int, int]],
) -> None:
    played = Played()
    for kind, later_ms, size in drawn:
        played.play(kind, later_ms, size)
    desk = played.desk
    desk.at(desk.now_us / MS + 1).give(PhoneClosed())
    turns = {turn.number: turn for turn in desk.turns}
    bot = [turn for turn in turns.values() if turn.who == "bot"]
    sounded = set()
    for turn in bot:
        assert turn.began_us is not None
        assert turn.ended_us is not None
        assert turn.began_us <= turn.ended_us <= desk.now_us
        said_words = played.words.get(turn.item_id, "").split()
        assert [*(turn.text or "").split(), *turn.unheard.split()] == said_words
        assert turn.cut or not turn.unheard
        if turn.began_us == turn.ended_us:
            assert not turn.text or not turn.cut
        else:
            sounded.add(turn.item_id)
    assert {turn.item_id for turn in bot} >= set(played.words)
    heard = sorted((turn for turn in bot if turn.item_id in sounded), key=lambda turn: turn.began_us or 0)
    assert [turn.item_id for turn in heard] == sorted((turn.item_id for turn in heard), key=lambda item: int(item[1:]))
    for before, after in pairwise(heard):
        assert (before.ended_us or 0) <= (after.began_us or 0)


@pytest.mark.parametrize("n_turns", [MAX_TURNS + 50])
def test_a_call_of_many_turns_keeps_no_more_than_their_texts(n_turns: int) -> None:
    desk = ScriptedCall(CallSettings(max_call_s=0))
    for number in range(n_turns):
        item, response = f"A{number}", f"R{number}"
        desk.give(created(response), *said(response, item, TEXT), delta(response, item, 20), audio_done(response, item))
        desk.give(item_done(item), done(response))
        desk.at(desk.now_us / MS + 3_000).tick()
        desk.outputs = [one for one in desk.outputs if type(one) is TurnFact]
    assert len(desk.turns) == n_turns
    assert len(desk.call.transcript.turns) == MAX_TURNS
    assert not desk.call.transcript._words
