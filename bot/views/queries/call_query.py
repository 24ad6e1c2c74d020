"""Questions of an operator to the store, in words: days on this machine's clock, numbers, reasons, dollars."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, get_args

from bot.store.results import Filters
from bot.store.rows import CRASHED
from bot.views.queries.typed_times import EXAMPLES, day_of, names_a_day, span_of

LIVE = "live"
"""Word that asks for calls that go on."""
_NANO = 10**9
_MOST_NANO = 2**63 - 1


class BadQuestion(ValueError):
    """A question that makes no sense; the text is one sentence that names the option and the mend."""


class Question(NamedTuple):
    """The options as they were given; None: not given."""

    day: str | None = None
    since: str | None = None
    until: str | None = None
    number: str | None = None
    reason: str | None = None
    min_usd: str | None = None
    limit: int = 50
    profile: str | None = None


def filters_of(asked: Question, hash_of: Callable[[str], str], now: datetime | None = None) -> Filters:
    """The question to the store. `hash_of` gives the HMAC of a number, "" for what is none. Raises BadQuestion.

    `now` is what `today` and `2d` are counted from, by default this machine's clock.
    """
    if asked.day is not None and (asked.since, asked.until) != (None, None):
        raise BadQuestion("--day names the whole span: leave --since and --until away.")
    now = now or datetime.now().astimezone()
    since, until = (asked.since, asked.until) if asked.day is None else (_day(asked.day, now),) * 2
    return Filters(
        since=None if since is None else _span("--since", since, now)[0],
        until=None if until is None else _span("--until", until, now)[1],
        caller_hash=None if asked.number is None else hash_or_bad("--number", asked.number, hash_of),
        reason=None if asked.reason is None else _reason(asked.reason),
        min_nano_usd=None if asked.min_usd is None else _nano(asked.min_usd),
        limit=asked.limit,
        profile=asked.profile,
    )


def hash_or_bad(option: str, number: str, hash_of: Callable[[str], str]) -> str:
    """The HMAC of `number`. Raises BadQuestion, without the number: what was mistyped may be one all the same."""
    found = hash_of(number)
    if not found:
        raise BadQuestion(f"{option} is not a telephone number in E.164 form, such as +15555550142.")
    return found


def with_time(asked: Question, word: str) -> Question:
    """The question with a time that was given in the place of a SID: `bot calls today`."""
    if (asked.day, asked.since) != (None, None):
        raise BadQuestion(f"{word} and another time are given: leave one of them away.")
    return asked._replace(day=word) if names_a_day(word) else asked._replace(since=word)


def _day(text: str, now: datetime) -> str:
    day = day_of(text, now)
    if day is None:
        raise BadQuestion(f"--day {text} is not a day such as 2026-11-22, yesterday or 2d.")
    return day.isoformat()


def _span(option: str, text: str, now: datetime) -> tuple[datetime, datetime]:
    span = span_of(text, now)
    if span is None:
        raise BadQuestion(f"{option} {text} is neither a day nor a time, {EXAMPLES}.")
    return span


def reasons() -> tuple[str, ...]:
    """All that may be asked for."""
    from bot.call.outputs import EndReason  # noqa: PLC0415  it brings every message there is with it

    return (*get_args(EndReason), CRASHED, LIVE)


def _reason(text: str) -> str:
    known = reasons()
    asked = text.lower().replace(" ", "_").replace("-", "_")
    if asked == LIVE:
        return ""
    if asked not in known:
        near = difflib.get_close_matches(asked, known, 1)
        mend = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}."
        raise BadQuestion(f"--reason {text} is no reason for which calls end: {mend}")
    return asked


def _nano(text: str) -> int:
    """Dollars in billionths, rounded up: no call that costs less is listed."""
    try:
        exact = Decimal(text.removeprefix("$")) * _NANO
        nano = int(exact.to_integral_value("ROUND_CEILING"))
    except (InvalidOperation, ValueError, OverflowError):
        nano = -1
    if not 0 <= nano <= _MOST_NANO:
        raise BadQuestion(f"--min-usd {text} is not a sum of dollars such as 0.25.")
    return nano
