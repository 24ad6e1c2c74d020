"""The transcript kept for people, cut where the caller stopped hearing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.transcript import Transcript, Turn, word_boundary

TEXT = "one two three four five"


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        (-1, ""), (0, ""), (1, ""), (2, ""), (3, "one"), (4, "one "), (6, "one "), (7, "one two"),
        (22, "one two three four "), (23, TEXT), (99, TEXT),
    ],
)  # fmt: skip
def test_a_cut_falls_at_the_end_of_a_whole_word(at: int, kept: str) -> None:
    assert TEXT[: word_boundary(TEXT, at)] == kept


@given(st.text("ab \n", max_size=30), st.integers(-3, 33))
def test_no_half_word_is_kept_and_no_word_too_many(text: str, at: int) -> None:
    end = word_boundary(text, at)
    assert 0 <= end <= max(0, min(at, len(text)))
    assert text[:end].split() == text.split()[: len(text[:end].split())]


def test_turns_stand_in_the_order_in_which_they_were_spoken() -> None:
    transcript = Transcript()
    transcript.bot_words("A", 0, "Hel", 100)
    transcript.caller_turn("U")
    transcript.bot_words("B", 0, "Well.", 100)
    transcript.bot_words("A", 0, "lo.", 200)
    transcript.caller_words("U", "late words")
    transcript.caller_turn("U")
    assert transcript.turns == [
        Turn("bot", "A", "Hello."),
        Turn("caller", "U", "late words"),
        Turn("bot", "B", "Well."),
    ]


def test_the_callers_words_are_unknown_until_they_come() -> None:
    transcript = Transcript()
    transcript.caller_turn("U")
    assert transcript.turns == [Turn("caller", "U", None)]


def test_the_final_text_replaces_what_came_in_pieces() -> None:
    transcript = Transcript()
    transcript.bot_words("A", 0, "Helo", 100)
    transcript.bot_words_done("A", 0, "Hello.")
    assert transcript.turns[0].text == "Hello."


def test_the_contents_of_an_item_follow_one_another() -> None:
    transcript = Transcript()
    transcript.bot_words("A", 0, "One. ", 100)
    transcript.bot_words("A", 1, "Two.", 100)
    assert transcript.turns == [Turn("bot", "A", "One. Two.")]


def said(*pieces: tuple[str, int], whole: bool = False) -> Transcript:
    """Words of item A, each piece with the audio bytes that had come by then."""
    transcript = Transcript()
    for words, received in pieces:
        transcript.bot_words("A", 0, words, received)
    if whole:
        transcript.bot_words_done("A", 0, "".join(words for words, _ in pieces))
    return transcript


@pytest.mark.parametrize(
    ("heard", "text", "unheard"),
    [
        (0, "", TEXT),
        (2_000, "one", "two three four five"),
        (4_000, "one two", "three four five"),
        (7_000, "one two three four", "five"),
        (8_000, TEXT, ""),
    ],
)
def test_with_all_of_it_known_the_cut_is_in_proportion(heard: int, text: str, unheard: str) -> None:
    """23 characters over 8,000 bytes: 2.9 to the thousand."""
    transcript = said((TEXT, 8_000), whole=True)
    transcript.cut("A", 0, heard, 8_000, all_came=True)
    assert transcript.turns == [Turn("bot", "A", text, unheard, cut=True)]


def test_while_it_is_being_made_no_word_that_came_later_than_what_was_heard() -> None:
    """16,000 bytes heard are 30 characters at the usual rate; only 8 had come when their audio had."""
    transcript = said(("one two ", 16_000), ("three four five", 40_000))
    transcript.cut("A", 0, 16_000, 40_000, all_came=False)
    assert transcript.turns == [Turn("bot", "A", "one two", "three four five", cut=True)]


def test_while_it_is_being_made_the_usual_rate_says_how_much() -> None:
    """4,000 bytes are half a second: 7.5 characters, rounded to 8."""
    transcript = said((TEXT, 40_000))
    transcript.cut("A", 0, 4_000, 40_000, all_came=False)
    assert transcript.turns[0].text == "one two"


def test_the_calls_own_voice_teaches_the_rate() -> None:
    transcript = said((TEXT, 23_000), whole=True)  # a slow voice: 1 character to 1,000 bytes
    transcript.cut("A", 0, 8_000, 23_000, all_came=True)
    transcript.bot_words("B", 0, TEXT, 40_000)
    transcript.cut("B", 0, 8_000, 40_000, all_came=False)
    assert [turn.text for turn in transcript.turns] == ["one two", "one two"]


def test_words_that_come_after_the_cut_do_not_return() -> None:
    transcript = said(("one two ", 8_000))
    transcript.cut("A", 0, 8_000, 8_000, all_came=False)
    transcript.bot_words("A", 0, "three", 9_000)
    transcript.bot_words_done("A", 0, "one two three")
    assert transcript.turns[0].text == "one two"


def test_an_item_without_words_has_nothing_to_cut() -> None:
    transcript = Transcript()
    transcript.cut("A", 0, 800, 8_000, all_came=True)
    assert transcript.turns == []


@given(
    st.lists(st.tuples(st.text("ab ", min_size=1, max_size=12), st.integers(1, 8_000)), min_size=1, max_size=8),
    st.data(),
    st.booleans(),
)
def test_hearing_more_never_keeps_fewer_words_and_nothing_is_lost(
    pieces: list[tuple[str, int]], data: st.DataObject, whole: bool
) -> None:
    total, timed = 0, []
    for words, n_bytes in pieces:
        total += n_bytes
        timed.append((words, total))
    less = data.draw(st.integers(0, total))
    more = data.draw(st.integers(less, total))
    kept = []
    for heard in (less, more):
        transcript = said(*timed, whole=whole)
        transcript.cut("A", 0, heard, total, all_came=whole)
        turn = transcript.turns[0]
        assert turn.text is not None
        assert "".join((turn.text + turn.unheard).split()) == "".join(words for words, _ in timed).replace(" ", "")
        kept.append(len(turn.text))
    assert kept[0] <= kept[1]
