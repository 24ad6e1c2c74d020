"""Words of both sides while they are being said: of the bot's no more than was heard, and asking changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.call.inputs import ModelClosed
from bot.call.turn_log.captions import Caption
from bot.realtime import events
from bot.twilio import stream
from tests.call.call_fields import picture
from tests.call.scripted_call import (
    MS,
    ScriptedCall,
    added,
    audio_done,
    committed,
    created,
    delta,
    done,
    echo,
    frame,
    item_done,
    speaks,
    words,
)
from tests.call.turn_log.test_turn_facts import listened, said

TEXT = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


def answering(text: str = TEXT, ms: int = 6_000) -> ScriptedCall:
    """A whole answer has been made at 1,000 ms, and begins to be heard."""
    desk = ScriptedCall().at(1_000)
    desk.give(created("R1"), *said("R1", "A", text), delta("R1", "A", ms))
    desk.give(audio_done("R1", "A"), events.TranscriptDone("R1", "A", text), item_done("A"), done("R1"))
    return desk


def shown(desk: ScriptedCall, ms: float) -> list[str]:
    return [one.text for one in desk.call.captions(round(ms * MS))]


def grows(text: str, item: str = "U") -> events.CallerTranscriptDelta:
    return events.CallerTranscriptDelta(item, text)


# ---- the bot ----


def test_words_of_the_bot_appear_as_they_are_heard_and_not_as_they_come() -> None:
    desk = answering()
    assert shown(desk, 1_000) == []
    seen = [" ".join(shown(desk, at)) for at in range(1_000, 7_001, 250)]
    assert seen == sorted(seen, key=len)
    assert all(TEXT.startswith(text) for text in seen)
    assert len(seen[8].split()) in range(3, 8)  # 2 of 6 seconds
    assert seen[-1] == TEXT


def test_a_caption_says_since_when_it_is_heard() -> None:
    (caption,) = answering().call.captions(3_000 * MS)
    assert (caption.who, caption.item_id, caption.began_us) == ("bot", "A", 1_000 * MS)


def test_nothing_is_heard_while_the_answer_waits_for_the_stream() -> None:
    desk = ScriptedCall(ready=False)
    desk.give(*desk.opening()[1:], created("R1"), *said("R1", "A", TEXT), delta("R1", "A", 6_000))
    assert shown(desk, 5_000) == []


def test_what_stands_still_on_the_line_is_not_shown() -> None:
    """The mark before the second half does not come back, though those before it did."""
    desk = ScriptedCall().at(100)
    desk.give(created("R1"), *said("R1", "A", TEXT), delta("R1", "A", 400))
    for number, at in enumerate((140, 540)):
        desk.at(at).give(echo(f"e0.{number}"))
    assert shown(desk, 10_000) == shown(desk, 540)


def test_an_interruption_leaves_exactly_the_words_that_were_shown() -> None:
    for cut_ms in range(1_200, 6_800, 300):
        desk = answering()
        before = shown(desk, cut_ms)
        desk.at(cut_ms).give(speaks())
        (turn,) = [one for one in desk.turns if one.who == "bot"]
        assert [turn.text or ""] == (before or [""])
        assert f"{turn.text} {turn.unheard}".strip() == TEXT
        assert turn.cut
        assert shown(desk, cut_ms + 1) == []


def test_a_second_answer_behind_the_first_is_shown_when_it_is_reached() -> None:
    desk = answering("One two three.", 1_000)
    desk.at(1_500).give(created("R2"), *said("R2", "B", TEXT), delta("R2", "B", 4_000))
    assert [one.item_id for one in desk.call.captions(1_800 * MS)] == ["A"]
    assert [one.item_id for one in desk.call.captions(4_000 * MS)] == ["A", "B"]


def test_what_was_heard_is_over_and_is_no_caption_any_more() -> None:
    desk = answering("One two three.", 1_000)
    marks = [one.mark.name for one in desk.sent(stream.SetMark)]
    for at, name in enumerate(marks):
        desk.at(2_040 + at).give(echo(name))
    assert [one.text for one in desk.turns] == ["One two three."]
    assert shown(desk, 2_100) == []


# ---- the caller ----


def test_words_of_the_caller_appear_while_they_speak() -> None:
    desk = listened(1_000)
    desk.give(events.SpeechStarted(400, "U"), grows(" A"), grows(" table"))
    assert desk.call.captions(1_000 * MS) == [Caption("caller", "U", "A table", 700 * MS)]


def test_words_that_come_after_the_turn_are_captions_until_they_are_completed() -> None:
    desk = listened(1_620)
    desk.give(events.SpeechStarted(400, "U"), events.SpeechStopped(1_600, "U"), committed("U"), grows("Good "))
    assert desk.call.captions(1_620 * MS) == [Caption("caller", "U", "Good", 700 * MS)]
    desk.give(grows("mor"), events.CallerTranscript("U", "Good morning."))
    assert shown(desk, 1_620) == []
    assert [one.text for one in desk.turns] == [None, "Good morning."]


def test_words_that_came_before_the_commit_are_kept_if_they_are_never_completed() -> None:
    desk = listened(1_620)
    desk.give(events.SpeechStarted(400, "U"), grows(" Bye"), events.SpeechStopped(1_600, "U"), committed("U"))
    assert [one.text for one in desk.turns] == ["Bye"]


def test_a_turn_whose_words_can_t_be_made_out_is_no_caption_any_more() -> None:
    desk = listened(1_620)
    desk.give(events.SpeechStarted(400, "U"), grows(" Bye"), events.CallerTranscriptFailed("U"))
    assert shown(desk, 1_620) == []


def test_captions_of_a_lost_session_go_with_it() -> None:
    desk = listened(1_000)
    desk.give(events.SpeechStarted(400, "U"), grows(" A"), ModelClosed("closed", 1006))
    assert shown(desk, 1_000) == []


def test_a_hostile_session_can_t_fill_memory_with_deltas() -> None:
    desk = ScriptedCall()
    for number in range(100):
        desk.give(*(grows("x" * 9_000, f"U{number}") for _ in range(4)))
    captions = desk.call.captions(1)
    assert len(captions) == 8
    assert max(len(one.text) for one in captions) == 20_000


# ---- who watches ----


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9_000), max_size=12), st.lists(st.integers(0, 9_000), max_size=12))
def test_a_call_that_is_watched_is_the_same_call(asked_ms: list[int], asked_later_ms: list[int]) -> None:
    def played(asked: set[int]) -> tuple[object, ...]:
        desk = listened(400)
        script = {
            500: (created("R1"), *said("R1", "A", TEXT), delta("R1", "A", 2_000)),
            700: (echo("e0.0"), words("R1", "A", " And more."), delta("R1", "A", 900)),
            1_300: (echo("e0.1"), added("R1", "B"), words("R1", "B", "Well."), delta("R1", "B", 500)),
            2_600: (frame(400), events.SpeechStarted(2_400, "U"), grows(" Stop")),
            3_000: (events.SpeechStopped(2_800, "U"), committed("U"), events.CallerTranscript("U", "Stop.")),
        }
        for at in range(420, 9_001, 20):
            desk.at(at)
            if asked & set(range(at - 19, at + 1)):
                desk.call.captions(desk.now_us)
            desk.give(*script.get(at, ()))
            deadline_us = desk.call.deadline_us
            if deadline_us is not None and deadline_us <= desk.now_us:
                desk.tick()
        return tuple(desk.outputs), picture(desk.call)

    watched, alone = played({*asked_ms, *asked_later_ms}), played(set())
    assert watched[0] == alone[0]


def calls_in(desk: ScriptedCall, one: stream.Media | events.AudioDelta) -> int:
    """Calls of Python functions that a step takes."""
    made = 0

    def count(one: FrameType, event: str, __: Any) -> None:
        nonlocal made
        made += event == "call" and "bot" in Path(one.f_code.co_filename).parts  # not the collector's callbacks

    sys.setprofile(count)
    try:
        desk.call.receive(one, desk.now_us)
    finally:
        sys.setprofile(None)
    return made


def costs(*, watched: bool) -> list[int]:
    """Calls of functions in each frame and each delta of a second in which the bot speaks; it is asked between them."""
    desk, found = ScriptedCall(), []
    desk.give(created("R1"), *said("R1", "A", TEXT), delta("R1", "A", 400), grows("A table for"))
    for number in range(1, 50):
        desk.at(number * 20)
        if watched:
            assert desk.call.captions(desk.now_us)
        found.append(calls_in(desk, frame(number * 20)))
        found.append(calls_in(desk, delta("R1", "A", 20)))
    return found


def test_frames_and_deltas_of_a_watched_call_cost_what_they_cost_in_another() -> None:
    assert costs(watched=True) == costs(watched=False)
