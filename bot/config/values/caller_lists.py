"""Lists of callers: numbers, beginnings of numbers, and those who show none; and who these are."""

from __future__ import annotations

import re

WITHHELD = "withheld"
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_WRITTEN = re.compile(r"[\s().\-/\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060-\u2069\ufeff]")
"""Characters that people write within numbers, and unseen ones that programs put around them and that are copied."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SIP_USER = re.compile(r"sips?:([^@;]*)(?:[@;].*)?", re.DOTALL)
_WORDS = frozenset({"anonymous", "restricted", "blocked", "unknown", "unavailable", "private", "withheld"})
"""Words in place of a number that a caller withholds; Twilio's numbers spell them on a keypad."""
_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_SPELLED = frozenset({word.translate(_KEYPAD) for word in _WORDS} | {"7378742883"})
"""The last is seen for RESTRICTED, with a digit wrong."""


def parse_callers(text: object, word: str = WITHHELD) -> object:
    """The entries of a comma-separated list, to be matched. Raises ValueError, which names the first wrong one.

    `word` may stand in it beside numbers; empty: none may.
    """
    if not isinstance(text, str):
        return text
    return tuple(_entry(number, part.strip(), word) for number, part in enumerate(text.split(","), 1) if part.strip())


def _entry(number: int, text: str, word: str) -> str:
    if word == WITHHELD and withheld(text) and any(map(str.isalnum, text)):
        return WITHHELD
    if word and text.lower() == word:
        return word
    plain = _WRITTEN.sub("", text)
    if not _PREFIX.fullmatch(plain):
        also = f", or {word}" if word else ""
        raise ValueError(
            f"must hold numbers or beginnings of numbers with their country code, such as +49 or +15550100{also}; mend "
            f"entry {number} of the list"
        )
    return plain


def among(number: str, callers: tuple[str, ...]) -> bool:
    """True when `callers` list this E.164 number, or a beginning of it. An empty `number` is one that is withheld."""
    return WITHHELD in callers if not number else number.startswith(tuple(one for one in callers if one != WITHHELD))


def withheld(number: str) -> bool:
    """True when `number`, as Twilio gives it, stands for a withheld one: many callers share it."""
    plain = _WRITTEN.sub("", number).lower()
    if address := _SIP_USER.fullmatch(plain):
        plain = address[1]
    plain = plain.removeprefix("+")
    return not plain or plain in _WORDS or plain in _SPELLED or plain.removeprefix("1") in _SPELLED


def e164(number: str) -> str:
    """`number` without what people write between its digits; empty when it is no E.164 number, or nobody's."""
    plain = _WRITTEN.sub("", number)
    return plain if _E164.fullmatch(plain) and not withheld(plain) else ""
