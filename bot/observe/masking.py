"""Masking of secrets, keys, tokens and telephone numbers in text for logs. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from urllib.parse import quote

MASK = "***"

_BEARER = re.compile(r"(?i)\b(bearer|basic) +[A-Za-z0-9._~+/=-]+")
_API_KEY = re.compile(r"\b(sk|ek)[-_][A-Za-z0-9_-]{8,}")
_STREAM_TOKEN = re.compile(r"(/media/)[A-Za-z0-9_-]{16,}")
_NUMBER = re.compile(
    r"(?:\+|%2[Bb])\d(?:[ ().-]{0,2}\d){6,14}"  # E.164 with or without blanks, also in a form or URL
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}\b|(?<![\w.-])\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w-])"  # as written in North America
    r"|(?<![\w.+-])\d{10,15}(?![\w-])"  # an E.164 number that has lost its plus
)
_DIGIT = re.compile(r"\d")
_KEPT_DIGITS = 2
_SHORT, _MOST = 64, 1_000
"""Letters of a text that is known again, and number of such texts."""


def masker(secrets: Iterable[str] = ()) -> Callable[[str], str]:
    """A function that masks the given secrets, in plain and percent-encoded spelling, and all `mask_text` masks."""
    spellings = {spelling for secret in secrets if secret for spelling in (secret, quote(secret, safe=""))}
    if not spellings:
        return mask_text
    # The longest first: one secret may be the beginning of another.
    pattern = re.compile("|".join(re.escape(one) for one in sorted(spellings, key=len, reverse=True)))
    return lambda text: mask_text(pattern.sub(MASK, text))


def knowing_again(mask: Callable[[str], str]) -> Callable[[str], str]:
    """The same function for texts that come again, as words of our own do: it knows those in which nothing is masked.

    It keeps no other: what is secret is not kept for it.
    """
    plain: set[str] = set()

    def masked(text: str) -> str:
        if text in plain:
            return text
        shown = mask(text)
        if shown == text and len(text) <= _SHORT:
            if len(plain) >= _MOST:
                plain.clear()
            plain.add(text)
        return shown

    return masked


def mask_text(text: str) -> str:
    """`text` without keys, authorisation headers and stream tokens, and with the last two digits only of numbers."""
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _API_KEY.sub(rf"\1-{MASK}", text)
    text = _STREAM_TOKEN.sub(rf"\1{MASK}", text)
    return mask_numbers(text)


def mask_numbers(text: str) -> str:
    """`text` with every digit but the last two of a telephone number replaced by an asterisk."""
    return _NUMBER.sub(lambda found: _mask_number(found[0]), text)


def mask_value(value: object, mask: Callable[[str], str]) -> object:
    """`value` with `mask` applied to every string in it. What JSON has no value for becomes text."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(str(key)): mask_value(inner, mask) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(inner, mask) for inner in value]
    return mask(repr(value))


def _mask_number(number: str) -> str:
    head, rest = (number[:3], number[3:]) if number.startswith("%") else ("", number)
    left = len(_DIGIT.findall(rest)) - _KEPT_DIGITS
    return head + _DIGIT.sub("*", rest, count=left)
