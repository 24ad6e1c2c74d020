"""A destination: somebody a caller may be transferred to, by the name that the model knows them by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from bot.config.destinations.opening_hours import ALWAYS, OpeningHours, parse_hours
from bot.config.values.caller_lists import e164
from bot.config.values.hosts import is_host

Mode = Literal["whisper", "briefing"]
MODES: tuple[Mode, ...] = ("whisper", "briefing")
RING_S = 25
MIN_RING_S, MAX_RING_S = 5, 120
MAX_WORDS = 300
"""Letters of what is told of a destination, or said when it is closed."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SIP = re.compile(
    r"sips?:[A-Za-z0-9._%+!~*'()&=$,-]{1,64}@([A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?(;[A-Za-z0-9=.;-]{1,64})?"
)
_KEYS = ("number", "sip", "about", "hours", "zone", "ring_seconds", "mode", "closed")


class Destination(NamedTuple):
    """`number` is E.164 and `sip` a SIP address: one of them is empty. `about` tells the model whom it reaches there.

    `closed` is what the caller is told outside `hours`; empty: the model says when they open again.
    """

    name: str
    number: str = ""
    sip: str = ""
    about: str = ""
    hours: OpeningHours = ALWAYS
    ring_s: int = RING_S
    mode: Mode = "whisper"
    closed: str = ""


def numbered(name: str, number: str) -> Destination:
    """A destination of the short list. Raises ValueError, in words that follow its place."""
    return parse_destination(name, {"number": number})


def parse_destination(name: str, table: Mapping[str, Any]) -> Destination:
    """The destination `name` as its table of TOML describes it. Raises ValueError, in words that follow its name."""
    if not _NAME.fullmatch(name):
        raise ValueError("must have a name of at most 32 small letters, digits, - and _, such as front-desk")
    if strange := sorted(table.keys() - set(_KEYS)):
        raise ValueError(f"has {strange[0]!r}, which nothing reads; it may have {', '.join(_KEYS)}")
    number, sip = _text(table, "number"), _text(table, "sip")
    if bool(number) is bool(sip):
        raise ValueError("must have a number or a sip address, and not both")
    return Destination(
        name,
        _number(number) if number else "",
        _sip(sip) if sip else "",
        _words(table, "about"),
        parse_hours(table.get("hours", []), _text(table, "zone")),
        _ring_s(table.get("ring_seconds", RING_S)),
        _mode(table.get("mode", "whisper")),
        _words(table, "closed"),
    )


def _text(table: Mapping[str, Any], key: str) -> str:
    text = table.get(key, "")
    if not isinstance(text, str):
        raise ValueError(f"must have its {key} as text, in quotes")  # noqa: TRY004  a person's slip, told as such
    return text.strip()


def _words(table: Mapping[str, Any], key: str) -> str:
    text = _text(table, key)
    if not text.isprintable() or len(text) > MAX_WORDS:
        raise ValueError(f"must have its {key} on one line of at most {MAX_WORDS} characters")
    return text


def _number(text: str) -> str:
    plain = e164(text)
    if not plain:
        raise ValueError("must have its number in full, with the country code, such as +15555550123")
    return plain


def _sip(text: str) -> str:
    found = _SIP.fullmatch(text)
    if not found or not is_host(found[1]):
        raise ValueError("must have its sip address as sip:name@host, with a port or a transport behind it if need be")
    return text


def _ring_s(value: object) -> int:
    if type(value) is not int or not MIN_RING_S <= value <= MAX_RING_S:
        raise ValueError(f"must have as ring_seconds a whole number from {MIN_RING_S} to {MAX_RING_S}")
    return value


def _mode(value: object) -> Mode:
    for mode in MODES:
        if value == mode:
            return mode
    raise ValueError("must have as mode whisper or briefing")
