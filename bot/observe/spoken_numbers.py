"""Telephone, card and account numbers in what people say and write, which no transcript may hold.

Whoever dictates a number groups it as they like, or says it digit by digit, in figures or in words, so that only its
length tells it: seven digits in a row. Figures that are read in another way (dates, times, amounts) end such a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

LEAST_DIGITS = 7
KEPT_DIGITS = 2

_AMOUNT = r"(?:\d{1,3}(?:[ .,]\d{3})+|\d+)(?:[.,]\d{1,2})?"
_CURRENCY = r"(?:[€$£]|(?:euros?|eur|dollars?|usd|pounds?|gbp|pfund|francs?|franken|chf|millions?|millionen|mio)\b)"
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_READ_OTHERWISE = "|".join(
    (
        rf"(?<![\d./+-])(?:{_YEAR}(?P<iso>[-/.]){_MONTH}(?P=iso){_DAY})(?!\d|[-/.]\d)",
        rf"(?<![\d./+-])(?<!\d ){_DAY}(?P<date>\. ?|[-/ ]){_DAY}(?P=date){_YEAR}(?! ?\d|[-/.]\d)",
        rf"(?<![\d.+])(?<!\d ){_DAY}\.{_MONTH}\.(?! ?\d)",
        r"(?<![\d:])\d{1,2}:\d\d(?::\d\d)?(?!\d)",
        rf"(?<![\d+])(?<!\d[ .,/-]){_AMOUNT} ?{_CURRENCY}|(?<!\w)[€$£] ?{_AMOUNT}(?!\d|[ .,/-]\d)",
        r"(?<![\d,])[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?!\d|,\d)",  # thousands as in English
        r"(?<![\d.+])(?<!\d )[1-9]\d?(?:\.\d{3})+(?:,\d+)?(?!\d|\.\d)",  # and elsewhere
        r"(?<![\d.,+])(?<!\d[ /-])(?:0|[1-9]\d?)\.\d+(?!\d|[.,]\d| \d)",  # a decimal, a time or a day
        r"(?<![\d+])(?<!\d[ /\u2013-])\d{1,2}(?P<pair>[/\u2013-])\d{1,2}(?!\d|(?P=pair)\d| \d)",  # from, to
    )
)
_WORDS = re.sub(
    " +",
    "|",
    "zero oh o nought naught one two three four five six seven eight nine double triple "
    "null eins zwei zwo drei vier fünf fuenf sechs sieben acht neun "
    "zéro un une deux trois quatre cinq sept huit neuf "
    "dix onze douze treize quatorze quinze seize vingt trente quarante cinquante soixante "  # said in pairs
    "cero uno dos tres cuatro cinco seis siete ocho nueve "
    "nul een één twee drie vijf zes zeven negen",
)
_TOKEN = re.compile(rf"(?i:(?P<other>{_READ_OTHERWISE})|\d+|\b(?:{_WORDS})\b)")
_BETWEEN = re.compile(r"[\s().,/_·\u2010-\u2015\u2212-]{1,4}")
_PAUSE = re.compile(r"[.,]\s")
_YEARS = re.compile(_YEAR)
_DIGIT = re.compile(r"\d")

Token = re.Match[str]


def mask_spoken(text: str) -> str:
    """`text` with an asterisk for each digit of a number, and each letter of one in words, but the last two digits."""
    return sub_spoken(text, _asterisks)


def sub_spoken(text: str, hide: Callable[[list[str]], list[str]]) -> str:
    """`text` with the digits and words of each number in it, as a list, replaced by what `hide` makes of them."""
    parts, at = [], 0
    for row in _numbers(text):
        for token, hidden in zip(row, hide([token[0] for token in row]), strict=True):
            parts += [text[at : token.start()], hidden]
            at = token.end()
    return "".join([*parts, text[at:]])


def _asterisks(tokens: list[str]) -> list[str]:
    left = sum(map(_length, tokens)) - KEPT_DIGITS
    hidden = []
    for token in tokens:
        n_digits = _length(token)
        hidden.append("*" * len(token) if left >= n_digits else "*" * max(left, 0) + token[max(left, 0) :])
        left -= n_digits
    return hidden


def _numbers(text: str) -> Iterator[list[Token]]:
    """The tokens of each number, in order."""
    for row in _rows(text):
        for part in _split(text, row) if _is_list(text, row) else [row]:
            groups = [token[0] for token in part]
            years = len(groups) <= 3 and all(map(_YEARS.fullmatch, groups))
            if sum(map(_length, groups)) >= LEAST_DIGITS and not years:
                yield part


def _rows(text: str) -> Iterator[list[Token]]:
    """Digits and words for digits that follow each other with nothing but punctuation between them."""
    row: list[Token] = []
    for token in _TOKEN.finditer(text):
        if token["other"] is not None or (row and not _BETWEEN.fullmatch(text, row[-1].end(), token.start())):
            yield row
            row = []
        if token["other"] is None:
            row.append(token)
    yield row


def _is_list(text: str, row: list[Token]) -> bool:
    """Whether these are several figures with a pause between each two: rooms, years, page numbers.

    Two of them, or such as go up or down; unless the first is written as only telephone numbers are.
    """
    groups = [token[0] for token in row]
    if not all(group.isdecimal() for group in groups) or all(len(group) == 1 for group in groups):
        return False
    pauses = [bool(_PAUSE.match(text, one.end())) for one, _ in pairwise(row)]
    if not any(pauses) or groups[0].startswith("0") or text[: row[0].start()].endswith("+"):
        return False
    steps = {int(one) < int(other) for one, other in pairwise(groups)}
    return len(groups) == 2 or not all(pauses) or (len(steps) == 1 and len(set(groups)) == len(groups))


def _split(text: str, row: list[Token]) -> list[list[Token]]:
    """What stands between the pauses."""
    parts = [[row[0]]]
    for before, token in pairwise(row):
        if _PAUSE.match(text, before.end()):
            parts.append([])
        parts[-1].append(token)
    return parts


def _length(token: str) -> int:
    """How many digits it stands for."""
    return len(token) if _DIGIT.match(token) else 1
