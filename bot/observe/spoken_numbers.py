"""Telephone, card and account numbers in what people say and write, which no transcript may hold.

Whoever dictates a number groups it as they like, or says it digit by digit or in pairs, in figures or in words, with
"um" and "and then" in its midst, so that only its length tells it: seven digits in a row. Figures that are read in
another way (dates, times, amounts) end such a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from bot.observe.number_words import AND, BETWEEN, WORDS, in_one, length_of

LEAST_DIGITS = 7
KEPT_DIGITS = 2
_LONGEST_LISTED = 19
"""Digits of a figure that may be one of a list; no longer one is a room or a price."""

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
_TOKEN = re.compile(rf"(?i:(?P<other>{_READ_OTHERWISE})|\d+|\b(?:{WORDS})\b)")
_GAP = r"[\s().,;/_·…\u200b-\u200d\u2010-\u2015\u2212-]{1,6}"
_BETWEEN = re.compile(rf"(?i){_GAP}(?:(?:{BETWEEN})\b{_GAP}){{0,4}}")
_PAUSE = re.compile(rf"(?i)[.,;…]\s|[\s,]{{1,2}}(?:{AND})\s+(?=\d)")
_HESITATION = re.compile(rf"(?i)\b(?!(?:{AND})\b)\w")
_COMPOUND = re.compile(rf"(?i)[ -]|[ -](?:{AND})[ -]")
_YEARS = re.compile(_YEAR)

Token = re.Match[str]


def mask_spoken(text: str) -> str:
    """`text` with an asterisk for each digit of a number, and each letter of one in words, but the last two digits."""
    parts, at = [], 0
    for row in _numbers(text):
        lengths = _lengths(text, row)
        left = sum(lengths) - KEPT_DIGITS
        for token, n_digits in zip(row, lengths, strict=True):
            parts += [text[at : token.start()], _hidden(token[0], left, n_digits)]
            at = token.end()
            left -= n_digits
    return "".join([*parts, text[at:]])


def _hidden(token: str, left: int, n_digits: int) -> str:
    """The first `left` digits of a token as asterisks; a word that stands for several is hidden or kept whole."""
    hidden = len(token) if left >= n_digits or (left > 0 and not token.isdecimal()) else max(left, 0)
    return "*" * hidden + token[hidden:]


def _numbers(text: str) -> Iterator[list[Token]]:
    """The tokens of each number, in order."""
    for row in _rows(text):
        for part in _split(text, row) if _is_list(text, row) else [row]:
            groups = [token[0] for token in part]
            years = len(groups) <= 3 and all(map(_YEARS.fullmatch, groups))
            if sum(_lengths(text, part)) >= LEAST_DIGITS and not years:
                yield part


def _lengths(text: str, row: list[Token]) -> list[int]:
    """Digits that each token stands for. Forty is two of them, and in forty-two it is one."""
    lengths = [len(token[0]) if token[0].isdecimal() else length_of(token[0]) for token in row]
    for n, (token, after) in enumerate(pairwise(row)):
        if in_one(token[0], after[0]) and _COMPOUND.fullmatch(text, token.end(), after.start()):
            lengths[n] = 1
    return lengths


def _rows(text: str) -> Iterator[list[Token]]:
    """Digits and words for digits that follow each other with nothing between them but punctuation and fillers."""
    row: list[Token] = []
    for token in _TOKEN.finditer(text):
        if token["other"] is not None or (row and not _BETWEEN.fullmatch(text, row[-1].end(), token.start())):
            yield row
            row = []
        if token["other"] is None:
            row.append(token)
    yield row


def _is_list(text: str, row: list[Token]) -> bool:
    """True when these are several figures with a pause between each two: rooms, years, page numbers.

    Two of them, or such as go up or down; unless the first is written as only telephone numbers are, or somebody says
    "um" between them.
    """
    groups = [token[0] for token in row]
    lengths = set(map(len, groups))
    if not all(group.isdecimal() for group in groups) or lengths <= {1} or max(lengths) > _LONGEST_LISTED:
        return False
    pauses = [bool(_PAUSE.match(text, one.end())) for one, _ in pairwise(row)]
    if not any(pauses) or groups[0].startswith("0") or text[: row[0].start()].endswith("+"):
        return False
    steps = {int(one) < int(other) for one, other in pairwise(groups)}
    goes_one_way = all(pauses) and len(steps) == 1 and len(set(groups)) == len(groups)
    hesitated = any(_HESITATION.search(text, one.end(), other.start()) for one, other in pairwise(row))
    return goes_one_way or (not hesitated and (len(groups) == 2 or not all(pauses)))


def _split(text: str, row: list[Token]) -> list[list[Token]]:
    """The tokens of a row in groups, parted at its pauses."""
    parts = [[row[0]]]
    for before, token in pairwise(row):
        if _PAUSE.match(text, before.end()):
            parts.append([])
        parts[-1].append(token)
    return parts
