"""Places of an answer's sound in its text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.transcript.alignment import STOP, WORD, Sent, Voice, solved, spoken_letters, word_end

TEXT = "one two three four five"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("", []), (" ", []), ("one", [3]), ("one two", [3, 7]), (" one  two ", [4, 9]), ("Yes. No!", [4, 8]),
        ("\u4f60\u597d ok", [1, 2, 5]), ("\u4f60\u597d\u3002", [1, 2, 3]), ("caf\u00e9 \u00e0", [4, 6]),
    ],
)  # fmt: skip
def test_a_text_may_be_cut_behind_each_word(text: str, ends: list[int]) -> None:
    assert sorted({word_end(text, at) for at in range(-1, len(text) + 2)} - {0}) == ends
    assert word_end(text, 0) == 0


@given(st.text("ab \n", max_size=30), st.integers(-3, 33))
def test_no_half_word_is_kept_and_no_word_too_many_or_too_few(text: str, at: int) -> None:
    end = word_end(text, at)
    assert 0 <= end <= max(0, min(at, len(text)))
    kept = text[:end].split()
    assert kept == text.split()[: len(kept)]
    assert len(kept) == sum(word.end() <= at for word in re.finditer(r"\S+", text))


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("", [0]),
        ("ab", [0, WORD + 1, WORD + 2]),
        ("a b", [0, WORD + 1, WORD + 1, 2 * WORD + 2]),
        ("a. b", [0, WORD + 1, WORD + 1, WORD + 1, 2 * WORD + 2 + STOP]),
        ("don't", [0, WORD + 1, WORD + 2, WORD + 3, WORD + 3, WORD + 4]),
        ("7", [0, WORD + 4]),
        ("...", [0, 0, 0, 0]),
    ],
)
def test_words_pauses_and_digits_take_their_time(text: str, letters: list[float]) -> None:
    assert spoken_letters(text) == pytest.approx(letters)


@given(st.text(max_size=40))
def test_speaking_on_never_takes_less(text: str) -> None:
    letters = spoken_letters(text)
    assert len(letters) == len(text) + 1
    assert letters == sorted(letters)


@given(st.integers(0, 6), st.randoms(use_true_random=False))
def test_equations_are_solved(n: int, rng: object) -> None:
    draw = rng.uniform  # type: ignore[attr-defined]
    half = [[draw(-1, 1) for _ in range(n)] for _ in range(n)]
    matrix = [
        [sum(half[i][k] * half[j][k] for k in range(n)) + (1.0 if i == j else 0.0) for j in range(n)] for i in range(n)
    ]
    x = [draw(-5, 5) for _ in range(n)]
    right = [sum(matrix[i][j] * x[j] for j in range(n)) for i in range(n)]
    assert solved([row[:] for row in matrix], right) == pytest.approx(x, abs=1e-6)


def heard(heard_ms: float, *, text: str = TEXT, sent: tuple[Sent, ...] = (), whole_ms: float | None = None) -> str:
    return text[: Voice().placed(text, sent, whole_ms).heard_chars(heard_ms)]


@pytest.mark.parametrize(
    ("heard_ms", "kept"),
    [(0, ""), (200, ""), (500, "one"), (900, "one two"), (1_300, "one two three"), (3_000, TEXT)],
)
def test_the_usual_rate_where_nothing_else_is_known(heard_ms: float, kept: str) -> None:
    """52 ms a letter, a word as long as two more, 150 ms before the first: "one" ends at 410, "two" at 670."""
    assert heard(heard_ms) == kept


@pytest.mark.parametrize(
    ("whole_ms", "kept"), [(1_500.0, "one two three four"), (2_400.0, "one two"), (4_800.0, "one")]
)
def test_a_whole_item_ends_with_its_last_word(whole_ms: float, kept: str) -> None:
    assert heard(1_200, whole_ms=whole_ms) == kept


def test_text_that_comes_with_the_audio_shows_how_fast_it_is_spoken() -> None:
    """Each word leaves half a second after the one before: it is spoken so, too, two leads later."""
    text = " ".join(["word"] * 12)
    slowly = tuple(Sent(5 * n - 1, 500.0 * max(n - 2, 0)) for n in range(1, 13))
    quickly = tuple(Sent(5 * n - 1, 250.0 * max(n - 4, 0)) for n in range(1, 13))
    kept = [len(heard(3_000, text=text, sent=sent).split()) for sent in (slowly, quickly)]
    assert kept[0] < kept[1]
    assert 5 <= kept[0] <= 7
    assert 9 <= kept[1] <= 12


def test_a_text_that_came_whole_before_its_audio_tells_nothing_of_it() -> None:
    text = " ".join(["word"] * 40)
    first = (Sent(len(text), 0.0),)
    assert heard(4_000, text=text, sent=first) == heard(4_000, text=text)


def test_the_calls_own_voice_teaches_the_rate() -> None:
    text = " ".join(["word"] * 20)
    slow, quick = Voice(), Voice()
    for _ in range(3):
        slow.learn(text, 20 * 600 + 450)
        quick.learn(text, 20 * 250 + 450)
    assert len(text[: slow.placed(text, (), None).heard_chars(6_000)].split()) in range(9, 12)
    assert slow.placed(text, (), None).heard_chars(4_000) < quick.placed(text, (), None).heard_chars(4_000)


def test_an_item_that_was_no_speech_teaches_no_absurd_rate() -> None:
    voice = Voice()
    voice.learn("hum", 600_000)
    voice.learn("", 4_000)
    assert len(TEXT[: voice.placed(TEXT, (), None).heard_chars(1_500)].split()) >= 2


@given(
    st.lists(st.tuples(st.text("ab ,.", min_size=1, max_size=12), st.integers(0, 2_000)), max_size=30),
    st.lists(st.integers(0, 40_000), min_size=2, max_size=2),
    st.sampled_from([None, 10_000.0, 30_000.0]),
)
def test_hearing_more_never_keeps_fewer_words(
    pieces: list[tuple[str, int]], heard_ms: list[int], whole_ms: float | None
) -> None:
    text, audio_ms, sent = "", 0, list[Sent]()
    for words, more_ms in pieces:
        text, audio_ms = text + words, audio_ms + more_ms
        sent.append(Sent(len(text), float(audio_ms)))
    less, more = sorted(heard_ms)
    voice = Voice()
    kept = [voice.placed(text, sent, whole_ms).heard_chars(ms) for ms in (less, more)]
    assert kept[0] <= kept[1]
    assert all(end == word_end(text, end) for end in kept)
