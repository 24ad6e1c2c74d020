"""The transcript kept for people, cut where the caller stopped hearing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.transcript.transcript import MAX_CHARS, MAX_CONTENTS, MAX_TURNS, Transcript, Turn

TEXT = "one two three four five"


def test_turns_stand_in_the_order_in_which_they_were_first_heard_of() -> None:
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
    assert [turn.number for turn in transcript.turns] == [1, 2, 3]


def test_the_callers_words_are_unknown_until_they_come() -> None:
    transcript = Transcript()
    transcript.caller_turn("U")
    assert transcript.turns == [Turn("caller", "U", None)]


def test_an_id_that_both_sides_use_is_two_turns() -> None:
    transcript = Transcript()
    transcript.caller_turn("X")
    transcript.bot_words("X", 0, "Hello.", 100)
    assert transcript.turns == [Turn("caller", "X", None), Turn("bot", "X", "Hello.")]


def test_the_final_text_replaces_what_came_in_pieces() -> None:
    transcript = Transcript()
    transcript.bot_words("A", 0, "Helo", 100)
    transcript.bot_words_done("A", 0, "Hello.")
    assert transcript.turns[0].text == "Hello."


def test_it_does_so_when_the_turn_is_over_too() -> None:
    transcript = Transcript()
    transcript.bot_words("A", 0, "Helo", 100)
    transcript.over("A")
    transcript.bot_words("A", 0, " and more", 200)
    assert transcript.turns[0].text == "Helo"
    transcript.bot_words_done("A", 0, "Hello.")
    assert transcript.turns[0].text == "Hello."


def test_the_contents_of_an_item_follow_one_another() -> None:
    transcript = Transcript()
    transcript.bot_words("A", 0, "One. ", 100)
    transcript.bot_words("A", 1, "Two.", 100)
    assert transcript.turns == [Turn("bot", "A", "One. Two.")]


def test_a_cut_in_one_content_leaves_nothing_heard_of_the_next() -> None:
    transcript = Transcript()
    transcript.bot_words_done("A", 0, "One. ")
    transcript.bot_words_done("A", 1, TEXT)
    transcript.bot_words_done("A", 2, " Six.")
    transcript.cut("A", 1, 8_000, 20_000, all_came=True)
    (turn,) = transcript.turns
    assert turn.text == "One. one two"
    assert turn.unheard == "three four five Six."


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
        (4_000, "one", "two three four five"),
        (6_000, "one two", "three four five"),
        (13_000, "one two three four", "five"),
        (16_000, TEXT, ""),
    ],
)
def test_with_all_of_it_known_the_cut_is_in_proportion(heard: int, text: str, unheard: str) -> None:
    """Two seconds: 150 ms of silence, five words in 1.55 s, 300 ms of silence."""
    transcript = said((TEXT, 0), whole=True)
    transcript.cut("A", 0, heard, 16_000, all_came=True)
    assert transcript.turns == [Turn("bot", "A", text, unheard, cut=True)]


def test_words_that_come_after_the_cut_do_not_return() -> None:
    transcript = said(("one two ", 8_000))
    transcript.cut("A", 0, 8_000, 8_000, all_came=False)
    transcript.bot_words("A", 0, "three", 9_000)
    transcript.bot_words_done("A", 0, "one two three")
    assert transcript.turns[0].text == "one two"


def test_an_item_without_words_has_nothing_to_cut() -> None:
    transcript = Transcript()
    transcript.cut("A", 0, 800, 8_000, all_came=True)
    transcript.unheard("A")
    assert transcript.turns == []


def test_nothing_of_an_unheard_item_is_kept() -> None:
    transcript = said(("one two", 0))
    transcript.bot_words("A", 1, " three", 0)
    transcript.unheard("A")
    assert transcript.turns == [Turn("bot", "A", "", "one two three", cut=True)]


def test_a_recording_is_of_another_voice_and_teaches_nothing() -> None:
    transcript, untaught = Transcript(), Transcript()
    transcript.bot_words_done("recorded", 0, "A slow voice.")
    transcript.audio_done("recorded", 0, 160_000)
    for one in (transcript, untaught):
        one.bot_words("A", 0, TEXT, 0)
        one.cut("A", 0, 6_400, 8_000, all_came=False)
    assert transcript.turns[-1] == untaught.turns[-1]


def test_memory_is_bounded_whatever_the_model_sends() -> None:
    transcript = Transcript()
    for _ in range(3):
        transcript.bot_words("A", 0, "x" * (MAX_CHARS // 2), 0)
    transcript.bot_words_done("B", 0, "y" * 2 * MAX_CHARS)
    transcript.caller_words("U", "z" * 2 * MAX_CHARS)
    assert [len(turn.text or "") for turn in transcript.turns] == [MAX_CHARS] * 3
    for index in range(2 * MAX_CONTENTS):
        transcript.bot_words("C", index, "c", 0)
    assert transcript.turns[-1].text == "c" * MAX_CONTENTS
    for number in range(MAX_TURNS):
        transcript.bot_words(f"D{number}", 0, "d", 0)
    assert len(transcript.turns) == MAX_TURNS
    assert transcript.find("A") is None
    assert transcript.turns[-1].number == MAX_TURNS + 4


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


def test_what_was_heard_ends_with_a_word_where_the_cut_falls_between_two_contents() -> None:
    transcript = Transcript()
    transcript.bot_words("A", 0, "One two. ", 8_000)
    transcript.bot_words("A", 1, " Three four.", 8_000)
    transcript.cut("A", 1, 0, 8_000, all_came=True)
    (turn,) = transcript.turns
    assert (turn.text, turn.unheard) == ("One two.", "Three four.")
