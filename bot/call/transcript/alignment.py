"""Where in an answer's text its sound is: an estimate, since the wire aligns nothing (how-it-works ledger 6).

Speech is taken to run through the text at the voice's rate, so many milliseconds a letter, a word and a pause costing
some letters more. Three things are known besides: what came of the text with how much audio (its last word is spoken
one lead later, and the lead changes slowly), where a finished item ends, and how the voice spoke before. Each may be
off by so much; the likeliest times of all words follow from a Gaussian process over a handful of points.

Only + - * / of floats: the same on every machine, so that a call replays.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WORD, COMMA, STOP, DIGIT, IDEOGRAPH = 2.0, 3.2, 7.0, 4.0, 2.7
"""What is no letter, in letters: the start of a word, pauses behind punctuation, a digit as spoken, a CJK sign."""
STOPS = frozenset(".!?\u2026\u3002\uff01\uff1f")
COMMAS = frozenset(",;:\u3001\uff0c\uff1a\uff1b")
UNSPACED = (("\u2e80", "\u9fff"), ("\uf900", "\ufaff"), ("\U00020000", "\U0003ffff"))
"""Scripts of signs that are words, with no spaces between: CJK and kana."""

MS_PER_LETTER = 52.0
RATES = (30.0, 120.0)
"""An item outside these was no plain speech and teaches what they say."""
PRIOR_LETTERS = 40.0
"""Weight of the usual rate beside what was heard of the voice."""
REMEMBERED_ITEMS = 8
RATE_VARIANCE, MOST_RATE_VARIANCE = 0.36, 0.0625
"""Uncertainty of the rate, relative: the first divided by the letters known, at most the second."""
SPEECH_VARIANCE = 3_000.0
"""What one letter adds to the uncertainty of when the next is spoken, in ms squared. So are all variances."""
ONSET_MS, ONSET_VARIANCE = 150.0, 6_400.0
TAIL_MS, TAIL_VARIANCE = 300.0, 62_500.0
"""Silence before the first word and behind the last."""
LEAD_MS, LEAD_VARIANCE = 1_300.0, 250_000.0
"""From the beginning of the audio delta that comes with the text."""
LEAD_STEADY_MS = 5_000.0
"""After so much audio the lead is as likely to be another as the same."""
SENT_VARIANCE = 60_000.0
"""Of one point of the text: deltas are of a length, and so are words."""
WHOLE_MS, FREE_VARIANCE = 3_500.0, 6.4e7
"""More than so much text ahead of the first audio is no lead but the whole text: then nothing is known of it."""
FIRST_AUDIO_MS = 100.0
POINTS = 6


class Sent(NamedTuple):
    """The first `chars` of the text had come when `audio_ms` of the audio had."""

    chars: int
    audio_ms: float


@dataclass(frozen=True, slots=True)
class _Point:
    """The text up to `letters` is spoken at `at_ms`, or, `sent`, one lead after it."""

    letters: float
    at_ms: float
    variance: float
    sent: bool


class Voice:
    """Speed at which this call's voice speaks, learnt from whole items."""

    def __init__(self) -> None:
        self._items: list[tuple[float, float]] = []
        self.learnt = 0
        """Number of items that it was learnt from."""

    def learn(self, text: str, audio_ms: float) -> None:
        """An item's whole text and the length of its whole audio."""
        letters = spoken_letters(text)[-1]
        if letters:
            self.learnt += 1
            least, most = (letters * rate for rate in RATES)
            learnt = (letters, min(max(audio_ms - ONSET_MS - TAIL_MS, least), most))
            self._items = [*self._items, learnt][-REMEMBERED_ITEMS:]

    def placed(self, text: str, sent: Sequence[Sent], whole_ms: float | None) -> Placed:
        """`text` in its audio, of `whole_ms`; None: more is to come, of the text perhaps too."""
        letters = spoken_letters(text)
        return Placed(text, letters, self._times(letters, sent, whole_ms))

    def _times(self, letters: Sequence[float], sent: Sequence[Sent], whole_ms: float | None) -> _Times:
        known = [(PRIOR_LETTERS, PRIOR_LETTERS * MS_PER_LETTER), *self._items]
        n_letters = sum(one for one, _ in known)
        rate = sum(ms for _, ms in known) / n_letters
        points = [
            _Point(letters[min(one.chars, len(letters) - 1)], one.audio_ms, SENT_VARIANCE, sent=True)
            for one in _thinned(sent)
        ]
        ahead_ms = rate * points[0].letters - points[0].at_ms if points else 0.0
        lead = (LEAD_MS, LEAD_VARIANCE) if ahead_ms < WHOLE_MS else (ahead_ms, FREE_VARIANCE)
        if whole_ms is not None:
            points.append(_Point(letters[-1], whole_ms - TAIL_MS, TAIL_VARIANCE, sent=False))
        variance = rate * rate * min(RATE_VARIANCE / n_letters, MOST_RATE_VARIANCE)
        return _Times(points, rate, variance, *lead)


class Placed:
    """A text whose place in its audio is known, as far as it can be: for as many questions as come."""

    def __init__(self, text: str, letters: list[float], times: _Times) -> None:
        self._text = text
        self._letters = letters
        self._times = times

    def heard_chars(self, heard_ms: float) -> int:
        """Number of characters spoken in the first `heard_ms`, to the end of a word."""
        return word_end(self._text, bisect_right(self._letters, self._times.spoken_by(heard_ms)) - 1)


class _Times:
    """The likeliest time of each letter, given the points."""

    def __init__(
        self, points: list[_Point], rate: float, rate_variance: float, lead_ms: float, lead_variance: float
    ) -> None:
        self._points = points
        self._rate = rate
        self._rate_variance = rate_variance
        self._lead_variance = lead_variance
        off = [one.at_ms + (lead_ms if one.sent else 0.0) - ONSET_MS - rate * one.letters for one in points]
        matrix = [[self._together(one, other) for other in points] for one in points]
        for number, one in enumerate(points):
            matrix[number][number] += one.variance
        self._weights = solved(matrix, off)

    def spoken_by(self, at_ms: float) -> float:
        """Letters of the text that have been spoken by `at_ms` of the item's audio: 0 at least.

        Between two points time runs evenly through the text; where it seems to run back, the first passage counts.
        """
        before, before_ms = 0.0, self._at(0.0)
        if before_ms > at_ms:
            return before
        for letters in sorted(point.letters for point in self._points):
            letters_ms = self._at(letters)
            if letters_ms > at_ms:
                return before + (letters - before) * (at_ms - before_ms) / (letters_ms - before_ms)
            before, before_ms = letters, letters_ms
        rate = self._at(before + 1.0) - before_ms
        return before + (at_ms - before_ms) / max(rate, 1.0)

    def _at(self, letters: float) -> float:
        """Moment at which the text up to `letters` has been spoken, in ms of the item's audio."""
        pull = sum(
            weight * self._speech(letters, point.letters)
            for weight, point in zip(self._weights, self._points, strict=True)
        )
        return ONSET_MS + self._rate * letters + pull

    def _speech(self, one: float, other: float) -> float:
        """How much two times of the text are off together."""
        return ONSET_VARIANCE + self._rate_variance * one * other + SPEECH_VARIANCE * min(one, other)

    def _together(self, one: _Point, other: _Point) -> float:
        speech = self._speech(one.letters, other.letters)
        if not (one.sent and other.sent):
            return speech
        apart = (one.at_ms - other.at_ms) / LEAD_STEADY_MS
        return speech + self._lead_variance / (1.0 + apart * apart)


def _thinned(sent: Sequence[Sent]) -> list[Sent]:
    """A few of them, evenly, from the end of the first burst to the last."""
    first = max(bisect_right(sent, FIRST_AUDIO_MS, key=lambda one: one.audio_ms) - 1, 0)
    rest = sent[first:]
    if len(rest) <= POINTS:
        return list(rest)
    return [rest[number * (len(rest) - 1) // (POINTS - 1)] for number in range(POINTS)]


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve `matrix` x = `right` for x. The matrix is symmetric and positive definite: elimination needs no pivot."""
    n = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for at, pivot in enumerate(rows):
        for row in rows[at + 1 :]:
            factor = row[at] / pivot[at]
            for column in range(at, n + 1):
                row[column] -= factor * pivot[column]
    found = [0.0] * n
    for at in reversed(range(n)):
        rest = rows[at][n] - sum(rows[at][column] * found[column] for column in range(at + 1, n))
        found[at] = rest / rows[at][at]
    return found


def spoken_letters(text: str) -> list[float]:
    """Letters' time that each beginning of `text` takes to speak: one more value than characters."""
    at, pause, in_word = 0.0, 0.0, False
    found = [0.0]
    for char in text:
        if char.isalnum():
            at += pause + (_length(char) if in_word else WORD + _length(char))
            pause, in_word = 0.0, True
        elif char in STOPS:
            pause = STOP
        elif char in COMMAS:
            pause = max(pause, COMMA)
        elif char.isspace():
            in_word = False
        found.append(at)
    return found


def _length(char: str) -> float:
    if char.isdigit():
        return DIGIT
    return IDEOGRAPH if _unspaced(char) else 1.0


def _unspaced(char: str) -> bool:
    return char >= UNSPACED[0][0] and any(first <= char <= last for first, last in UNSPACED)


def word_end(text: str, at: int) -> int:
    """The last place up to `at` where `text` may be cut: behind a word, or a sign of a script without spaces."""
    at = min(at, len(text))
    while at > 0 and not _ends_word(text, at):
        at -= 1
    return max(at, 0)


def _ends_word(text: str, at: int) -> bool:
    last = text[at - 1]
    if last.isspace():
        return False
    return at == len(text) or text[at].isspace() or (_unspaced(last) and _unspaced(text[at]))
