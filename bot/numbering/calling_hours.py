"""Calling hours: the time of day, where the callee is, in which they may be rung."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_STEP = timedelta(minutes=15)
_LOOK_AHEAD = timedelta(days=2)
_UNKNOWN = "Etc/Unknown"
NEVER = datetime.max.replace(tzinfo=UTC)
"""No time within two days."""


class CallingHours(NamedTuple):
    """Minutes of the day, `until` not included. From 0 until 1440 is at any time."""

    since: int
    until: int

    @property
    def always(self) -> bool:
        return self.until - self.since >= 24 * 60

    def include(self, at: time) -> bool:
        """True if calls may be made at this time of day. Hours may go beyond midnight."""
        minute = at.hour * 60 + at.minute
        if self.since < self.until:
            return self.since <= minute < self.until
        return minute >= self.since or minute < self.until


def parse_hours(text: str) -> CallingHours:
    """Read hours as `08:00-21:00`. Raises ValueError."""
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError("must be hours such as 08:00-21:00, or 00:00-24:00 for at any time")
    since, until = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if until > 24 * 60 or since == until:
        raise ValueError("must be hours such as 08:00-21:00 that do not end when they begin, nor after 24:00")
    return CallingHours(since, until)


def zones_of(number: str) -> tuple[str, ...]:
    """Time zones in which an E.164 number may be: of its area where that tells, else of its whole country code."""
    from phonenumbers import parse, timezone  # noqa: PLC0415  half a megabyte that only who dials needs

    parsed = parse(number)
    zones = timezone.time_zones_for_number(parsed)
    if zones == (_UNKNOWN,):
        zones = timezone.time_zones_for_geographical_number(parsed)
    return () if zones == (_UNKNOWN,) else tuple(zones)


def quiet_until(number: str, hours: CallingHours, now: datetime) -> datetime | None:
    """The next quarter of an hour, in UTC, at which `number` may be rung; None: it may be now.

    It may where it is daytime in every zone in which it can be. NEVER: there is no such time within two days,
    or nobody knows where it is.
    """
    if hours.always:
        return None
    zones = [_zone(name) for name in zones_of(number)]
    if not zones or None in zones:
        return NEVER
    if _by_day(zones, hours, now):
        return None
    at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    last = at + _LOOK_AHEAD
    while at < last:
        at += _STEP
        if at > now and _by_day(zones, hours, at):
            return at
    return NEVER


def _by_day(zones: list[ZoneInfo | None], hours: CallingHours, at: datetime) -> bool:
    return all(hours.include(at.astimezone(zone).time()) for zone in zones)


@cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return None
