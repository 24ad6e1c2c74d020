"""Days and times as people type them, on this machine's clock: 2026-11-22, 17:30, today, yesterday, 2d, 3h."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

EXAMPLES = "such as 2026-11-22T17:30, yesterday, 2d or 3h"
_AGO = re.compile(r"(\d{1,6}) ?(m|min|minutes?|h|hours?|d|days?|w|weeks?)( ago)?", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WORDS = {"today": 0, "yesterday": 1}
_DATE_LETTERS = len("2026-11-22")


def is_time_word(text: str) -> bool:
    """True when `text` is a day or time in words or letters, or a date, and so no SID."""
    text = text.strip().lower()
    return text in _WORDS or bool(_AGO.fullmatch(text)) or _date(text) is not None


def day_of(text: str, now: datetime) -> date | None:
    """The day that `text` names, or in which `2d` ago was; None when it names none. `now` is aware."""
    span = span_of(text, now)
    if span is None or (span[0] == span[1] and names_a_day(text)):
        return None
    return span[0].astimezone().date()


def span_of(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    """The first moment `text` names and the first one after it: a day lasts to the next, a time is a moment."""
    text = text.strip()
    word = text.lower()
    try:
        if word in _WORDS:
            return _whole(now.date() - timedelta(days=_WORDS[word]))
        if ago := _AGO.fullmatch(word):
            moment = now - timedelta(**{_UNITS[ago[2][0]]: int(ago[1])})
        elif len(text) <= _DATE_LETTERS and ":" in text:
            moment = datetime.combine(now.date(), time.fromisoformat(text))
        elif len(text) <= _DATE_LETTERS:
            return _whole(date.fromisoformat(text))
        else:
            moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC),) * 2
    except (ValueError, OverflowError):
        return None


def names_a_day(text: str) -> bool:
    """True when a time word is a day rather than so long ago."""
    return _AGO.fullmatch(text.strip().lower()) is None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if "-" in text else None
    except ValueError:
        return None


def _whole(day: date) -> tuple[datetime, datetime]:
    return _midnight(day), _midnight(day + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone(UTC)
