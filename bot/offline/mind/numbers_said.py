"""Numbers in what a caller said: as words, as figures, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_SMALL = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: number for number, word in enumerate(_SMALL)} | {
    word: 10 * number for number, word in enumerate(_TENS, start=2)
}
_VALUES |= {"oh": 0, "o": 0, "couple": 2, "hundred": 100}


class Number(NamedTuple):
    """A number, and the words `at` to `end` of the utterance that are it."""

    value: int
    at: int
    end: int
    text: str


def numbers(words: Sequence[str]) -> list[Number]:
    """The numbers in `words`, in order: "thirty three" is one, "two nine" are two."""
    found: list[Number] = []
    at = 0
    while at < len(words):
        value = _value(words[at])
        end = at + 1
        if value is not None and words[at] in _TENS and end < len(words) and words[end] in _SMALL[1:10]:
            value, end = value + _SMALL.index(words[end]), end + 1
        if value is not None:
            found.append(Number(value, at, end, words[at] if words[at].isdigit() else str(value)))
        at = end
    return found


def first_number(words: Sequence[str]) -> int | None:
    """The first number in `words`."""
    found = numbers(words)
    return found[0].value if found else None


def _value(word: str) -> int | None:
    return int(word) if word.isdigit() and word.isascii() else _VALUES.get(word)


def in_words(number: int) -> str:
    """A number under a hundred as one says it, larger ones in figures."""
    if number < len(_SMALL):
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    if tens >= 10:
        return str(number)
    return f"{_TENS[tens - 2]} {_SMALL[ones]}" if ones else _TENS[tens - 2]
