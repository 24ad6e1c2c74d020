"""A table booked in conversation: three things to know, asked for until they are there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from bot.offline.mind.numbers_said import Number, numbers

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SOON = {"today": 0, "tonight": 0, "tomorrow": 1}
_HEADS = frozenset({"people", "person", "persons", "guests", "of"})
_MINUTES = frozenset({15, 30, 45})
_CLOCK = frozenset({"o'clock", "oclock", "pm", "am"})
_MOST_PEOPLE = 40
_ASK = {
    "people": "For how many people?",
    "day": "For which day?",
    "time": "At what time?",
}


class Booking:
    """What is known of the table so far. `today` says the date, for days such as tomorrow."""

    def __init__(self, today: Callable[[], dt.date]) -> None:
        self._today = today
        self._people: int | None = None
        self._day: str | None = None
        self._time: str | None = None
        self._asked = ""

    def hear(self, words: Sequence[str]) -> None:
        """Take from `words` what they tell. A bare number answers the question that was asked."""
        found = numbers(words)
        clock = self._clock(words, found)
        heads = self._heads(words, found)
        bare = [number for number in found if number not in {clock, heads}]
        if heads is None and clock is None and bare:
            heads = bare[0] if self._asked == "people" else None
            clock = bare[0] if self._asked == "time" else None
        if heads is not None and 1 <= heads.value <= _MOST_PEOPLE:
            self._people = heads.value
        if clock is not None:
            self._time = _told_time(clock, words, found)
        elif {"noon", "midday"} & set(words):
            self._time = "12:00"
        self._day = next((word for word in words if word in _DAYS or word in _SOON), self._day)

    @property
    def missing(self) -> str:
        """The question for the next thing to know; empty when all is known."""
        for name, known in (("people", self._people), ("day", self._day), ("time", self._time)):
            if known is None:
                self._asked = name
                return _ASK[name]
        return ""

    @property
    def facts(self) -> Mapping[str, str | int]:
        """All that is known, under the names a function's parameters go by."""
        assert self._people is not None
        assert self._day is not None
        assert self._time is not None
        date = self._date(self._day).isoformat()
        when = f"{date} {self._time}"
        return {"people": self._people, "day": self._day, "date": date, "time": self._time, "when": when}

    @property
    def told(self) -> str:
        """The table, as one says it."""
        guests = "one person" if self._people == 1 else f"{self._people} people"
        day = self._day if self._day in _SOON else f"on {(self._day or '').capitalize()}"
        return f"a table for {guests}, {day}, at {_said_time(self._time or '')}"

    def _date(self, day: str) -> dt.date:
        today = self._today()
        ahead = _SOON[day] if day in _SOON else (_DAYS.index(day) - today.weekday() - 1) % 7 + 1
        return today + dt.timedelta(days=ahead)

    def _heads(self, words: Sequence[str], found: Sequence[Number]) -> Number | None:
        for number in found:
            after = words[number.end : number.end + 1]
            before = words[max(0, number.at - 1) : number.at]
            if (after and after[0] in _HEADS) or (before == ["for"] and not (after and after[0] in _CLOCK)):
                return number
        return None

    def _clock(self, words: Sequence[str], found: Sequence[Number]) -> Number | None:
        for number in found:
            after = words[number.end : number.end + 1]
            if (number.at and words[number.at - 1] == "at") or (after and after[0] in _CLOCK):
                return number
        return next((number for number in found if _minutes_after(number, found)), None)


def _minutes_after(hour: Number, found: Sequence[Number]) -> int:
    """Minutes that stand right behind an hour, as in "seven thirty"."""
    if not 1 <= hour.value <= 24:
        return 0
    return next((other.value for other in found if other.at == hour.end and other.value in _MINUTES), 0)


def _told_time(hour: Number, words: Sequence[str], found: Sequence[Number]) -> str | None:
    """The time of day; for a table, one to eleven are in the afternoon and evening unless they are said to be not."""
    value = hour.value % 24
    morning = bool({"am", "morning"} & set(words[hour.end : hour.end + 4]))
    if 1 <= value <= 11 and not morning:
        value += 12
    return f"{value:02d}:{_minutes_after(hour, found):02d}" if hour.value <= 24 else None


def _said_time(time: str) -> str:
    hour, minutes = int(time[:2]), time[3:]
    half = "a.m." if hour < 12 else "p.m."
    shown = hour % 12 or 12
    return f"{shown}:{minutes} {half}" if minutes != "00" else f"{shown} {half}"
