"""Opening hours by the wall's clock: spans, past midnight, the change of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.config.destinations.opening_hours import ALWAYS, MOST, Span, parse_hours

BERLIN = "Europe/Berlin"
OFFICE = parse_hours(["Mon-Fri 09:00-12:30, 13:30-17:30", "Sat 10:00-14:00"], BERLIN)
BAR = parse_hours(["Fri-Sun 22:00-02:00"], BERLIN)
CLOCKS = parse_hours(["Sun 02:00-03:00"], BERLIN)


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        ("2026-11-30 07:59", False),  # Monday, 08:59 in Berlin
        ("2026-11-30 08:00", True),
        ("2026-11-30 11:29", True),
        ("2026-11-30 11:30", False),  # lunch
        ("2026-11-30 12:30", True),
        ("2026-11-30 16:30", False),
        ("2026-12-05 09:00", True),  # Saturday
        ("2026-12-06 09:00", False),  # Sunday
        ("2026-07-06 07:00", True),  # Monday in summer: 09:00 is an hour earlier
        ("2026-07-06 06:59", False),
    ],
)
def test_the_walls_clock_of_the_zone_counts(utc: str, is_open: bool) -> None:
    assert OFFICE.open_at(at(utc)) is is_open


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        ("2026-12-04 20:59", False),  # Friday, 21:59
        ("2026-12-04 21:00", True),
        ("2026-12-05 00:59", True),  # Saturday, 01:59
        ("2026-12-05 01:00", False),
        ("2026-12-06 23:30", True),  # Monday, 00:30: still Sunday's
        ("2026-12-04 00:30", False),  # Friday, 01:30: Thursday has none
    ],
)
def test_a_span_that_ends_before_it_begins_goes_on_past_midnight(utc: str, is_open: bool) -> None:
    assert BAR.open_at(at(utc)) is is_open


def test_an_hour_that_comes_twice_is_open_twice_and_one_that_is_left_out_never_is() -> None:
    assert CLOCKS.open_at(at("2026-10-25 00:30"))  # 02:30 in summer time
    assert CLOCKS.open_at(at("2026-10-25 01:30"))  # 02:30 again
    assert not any(CLOCKS.open_at(at(f"2026-03-29 0{hour}:{minute}")) for hour in range(4) for minute in (15, 45))


def test_days_may_go_round_the_end_of_the_week() -> None:
    hours = parse_hours(["Sat-Mon 08:00-24:00"], BERLIN)
    assert [span.day for span in hours.spans] == [0, 5, 6]
    assert hours.open_at(at("2026-12-06 22:59"))
    assert not hours.open_at(at("2026-12-06 23:00"))


def test_without_hours_it_is_always_open() -> None:
    assert parse_hours([], "") is ALWAYS
    assert ALWAYS.open_at(at("2026-12-06 03:00"))
    assert ALWAYS.opens_next(at("2026-12-06 03:00")) == ""


@pytest.mark.parametrize(
    ("utc", "words"),
    [
        ("2026-11-30 07:59", "Mon 09:00"),
        ("2026-11-30 11:45", "Mon 13:30"),
        ("2026-11-30 17:00", "Tue 09:00"),
        ("2026-12-04 17:00", "Sat 10:00"),
        ("2026-12-05 14:00", "Mon 09:00"),
        ("2026-12-05 23:30", "Mon 09:00"),  # Sunday, 00:30
    ],
)
def test_it_is_told_when_it_opens_next(utc: str, words: str) -> None:
    assert OFFICE.opens_next(at(utc)) == words


def test_what_opens_once_a_week_opens_next_in_a_week() -> None:
    assert CLOCKS.opens_next(at("2026-11-29 01:00")) == "Sun 02:00"


@pytest.mark.parametrize(
    ("entries", "zone", "why"),
    [
        ("Mon 09:00-17:00", BERLIN, "as a list"),
        (["Mon 09:00-17:00"] * (MOST + 1), BERLIN, "at most 50"),
        (["Mon 09:00-17:00"], "", "no zone"),
        ([], BERLIN, "no hours"),
        (["Mon 09:00-17:00"], "Europe/Atlantis", "does not know"),
        (["Mon 09:00-17:00"], "../../etc/passwd", "does not know"),
        (["Mon 09:00-17:00"], "/etc/passwd", "does not know"),
        (["Mon 9-17"], BERLIN, "can't be read"),
        (["Mon 09:00-17:00,"], BERLIN, "can't be read"),
        ([9], BERLIN, "can't be read"),
        (["Mo-Fr 09:00-17:00"], BERLIN, "can't be read"),
        (["Mon-Die 09:00-17:00"], BERLIN, "a day in its hours that is none"),
        (["Mon 09:00-25:00"], BERLIN, "a time in its hours"),
        (["Mon 09:60-17:00"], BERLIN, "a time in its hours"),
        (["Mon 24:00-25:00"], BERLIN, "a time in its hours"),
        (["Mon 09:00-09:00"], BERLIN, "no time between"),
    ],
)
def test_hours_that_mean_nothing_are_refused(entries: object, zone: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_hours(entries, zone)


def test_the_whole_day_is_a_span() -> None:
    assert parse_hours(["Wed 00:00-24:00"], BERLIN).spans == (Span(2, 0, 1440),)
