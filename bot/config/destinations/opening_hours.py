"""Opening hours, by the clock on the wall of a time zone. Pure: the time is given.

`Mon-Fri 09:00-17:30` is one entry. A span that ends before it begins goes on past midnight: `Fri 22:00-02:00` ends on
Saturday. Where the clocks change, the wall's time counts: 02:30 comes twice in autumn, and both are open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ENTRY = re.compile(r"(?P<days>[a-z]{3}(?:\s*-\s*[a-z]{3})?)\s+(?P<spans>[\d:,\s-]+)", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DAY = 24 * 60
MOST = 50
"""Entries of one destination."""
_HOW = "such as Mon-Fri 09:00-17:30"


class Span(NamedTuple):
    """Minutes of a day from `opens` to before `closes`; day 0 is Monday. `closes` may lie past midnight."""

    day: int
    opens: int
    closes: int


class OpeningHours(NamedTuple):
    """Spans of a week, in the order of their begins; none: always open."""

    spans: tuple[Span, ...] = ()
    zone: ZoneInfo | None = None

    def open_at(self, now: datetime) -> bool:
        """True if `now`, which is aware, falls into one of the spans."""
        if not self.spans:
            return True
        wall = now.astimezone(self.zone)
        minute = wall.hour * 60 + wall.minute
        today, yesterday = wall.weekday(), (wall.weekday() - 1) % 7
        return any(
            (day == today and opens <= minute < closes) or (day == yesterday and minute < closes - _DAY)
            for day, opens, closes in self.spans
        )

    def opens_next(self, now: datetime) -> str:
        """The next time at which it opens, in words such as `Mon 09:00`; empty where it is always open."""
        if not self.spans:
            return ""
        wall = now.astimezone(self.zone)
        since_monday = wall.weekday() * _DAY + wall.hour * 60 + wall.minute
        begins = sorted(
            ((day * _DAY + opens - since_monday) % (7 * _DAY) or 7 * _DAY, opens) for day, opens, _ in self.spans
        )
        ahead, opens = begins[0]
        day = (wall.date() + timedelta(days=(wall.hour * 60 + wall.minute + ahead) // _DAY)).weekday()
        return f"{DAYS[day].capitalize()} {opens // 60:02}:{opens % 60:02}"


ALWAYS = OpeningHours()


def parse_hours(entries: object, zone: str) -> OpeningHours:
    """The hours that a list of entries tells. Raises ValueError, in words that follow the destination's name."""
    if not isinstance(entries, list) or len(entries) > MOST:
        raise ValueError(f'must have its hours as a list, such as ["Mon-Fri 09:00-17:30"], of at most {MOST} entries')
    if not entries:
        if zone:
            raise ValueError("has a zone and no hours; give both, or take the zone away")
        return ALWAYS
    if not zone:
        raise ValueError("has hours and no zone; add one, such as Europe/Berlin")
    spans = sorted(span for entry in entries for span in _spans(entry))
    return OpeningHours(tuple(spans), _zone(zone))


def _zone(name: str) -> ZoneInfo:
    """The zone by its name. Where no such file is, or the name leads out of the zones' directory, it is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError("has a zone that this machine does not know; write it as Europe/Berlin is written") from None


def _spans(entry: object) -> list[Span]:
    found = _ENTRY.fullmatch(entry.strip()) if isinstance(entry, str) else None
    if found is None:
        raise ValueError(f"has hours that can't be read; write each entry as days and times, {_HOW}")
    return [Span(day, *times) for times in _times(found["spans"]) for day in _days(found["days"])]


def _days(text: str) -> Sequence[int]:
    names = [name.strip().lower() for name in text.split("-")]
    if any(name not in DAYS for name in names):
        raise ValueError(f"has a day in its hours that is none; the days are {', '.join(map(str.capitalize, DAYS))}")
    first, last = DAYS.index(names[0]), DAYS.index(names[-1])
    return [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]


def _times(text: str) -> list[tuple[int, int]]:
    times = []
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        if found is None:
            raise ValueError(f"has hours that can't be read; write each entry as days and times, {_HOW}")
        opens, closes = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        if opens >= _DAY or closes > _DAY or int(found[2]) > 59 or int(found[4]) > 59 or opens == closes:
            raise ValueError(
                "has a time in its hours that is none, or no time between two; they go from 00:00 to 24:00"
            )
        times.append((opens, closes if closes > opens else closes + _DAY))
    return times
