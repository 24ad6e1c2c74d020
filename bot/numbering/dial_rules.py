"""The rules by which a number may be rung or texted: it is on the operator's list, and of no kind that is refused.

Nothing a caller, a model or a tool says is part of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from bot.numbering.calling_hours import NEVER, CallingHours, quiet_until
from bot.numbering.number_kinds import KINDS, Kind, kind_of

NAMED_DIGITS = 6
"""Digits with which an entry of a list names a range of numbers that no numbering plan has, such as a test's."""

RuleRefusal = Kind | Literal["own_number", "not_allowed", "quiet_hours"]


class Refused(NamedTuple):
    """The reason why a number is not rung: its name, a sentence without the number, the time from which it may be."""

    code: RuleRefusal
    sentence: str
    not_before: datetime | None = None


NOT_ALLOWED = Refused("not_allowed", "the number is on no list of those that may be dialled (BOT_DIAL_ALLOW)")
OWN_NUMBER = Refused("own_number", "the number is one of our own: the bot would talk to itself")


class DialRules(NamedTuple):
    """Rules of one call. `allow` are numbers and beginnings of numbers; with none, nobody is dialled."""

    allow: tuple[str, ...]
    own: frozenset[str] = frozenset()
    hours: CallingHours | None = None

    def refusal(self, number: str, now: datetime) -> Refused | None:
        """The first reason against ringing `number` at `now`; None if there is none."""
        refused = self.refusal_of_kind(number)
        if refused is not None:
            return refused
        return None if self.hours is None else _quiet(number, self.hours, now)

    def refusal_of_kind(self, number: str) -> Refused | None:
        """The first reason against reaching `number` at any time."""
        kind = kind_of(number)
        if kind is not None and not (kind == "unknown" and named(number, self.allow)):
            return Refused(kind, KINDS[kind])
        if number in self.own:
            return OWN_NUMBER
        if not number.startswith(self.allow or ("never",)):
            return NOT_ALLOWED
        return None


def named(number: str, allow: tuple[str, ...]) -> bool:
    """True if the operator has named this number, or its range by so many digits that it is no slip."""
    return any(number.startswith(one) and len(one) > NAMED_DIGITS for one in allow)


def _quiet(number: str, hours: CallingHours, now: datetime) -> Refused | None:
    until = quiet_until(number, hours, now)
    if until is None:
        return None
    when = "no time of day suits every zone in which the number may be"
    if until != NEVER:
        when = f"it may be from {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC on"
    sentence = f"it is not the time to ring the number where it is ({_clock(hours)}, BOT_DIAL_HOURS); {when}"
    return Refused("quiet_hours", sentence, until if until != NEVER else None)


def _clock(hours: CallingHours) -> str:
    return f"{hours.since // 60:02}:{hours.since % 60:02}-{hours.until // 60:02}:{hours.until % 60:02}"
