"""Rules by which a number is rung: lists, own numbers, hours where the callee is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.numbering.calling_hours import CallingHours, parse_hours, quiet_until, zones_of
from bot.numbering.dial_rules import DialRules

NOON = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
"""In Washington; nine in the morning in San Francisco, six in the evening in Berlin."""
WASHINGTON, SAN_FRANCISCO, BERLIN, TOLL_FREE = "+12025550142", "+14155550142", "+493012345678", "+18005550199"
DAY = parse_hours("08:00-21:00")


def code(rules: DialRules, number: str, at: datetime = NOON) -> str | None:
    refused = rules.refusal(number, at)
    return None if refused is None else refused.code


def test_with_no_list_nobody_is_dialled() -> None:
    assert code(DialRules(()), WASHINGTON) == "not_allowed"


@pytest.mark.parametrize(
    ("allow", "number", "expected"),
    [
        (("+1202",), WASHINGTON, None),
        ((WASHINGTON,), WASHINGTON, None),
        (("+1",), WASHINGTON, None),
        (("+49",), WASHINGTON, "not_allowed"),
        (("+1900", "+1"), "+19005551234", "premium"),
        (("+19005551234",), "+19005551234", "premium"),
        (("+1", "+1911"), "+19116666666", "emergency"),
        (("+1",), "+15555550101", "unknown"),
        (("+1555",), "+15555550101", "unknown"),
        (("+155555",), "+15555550101", None),
        (("+15555550101",), "+15555550101", None),
        (("+15555550102",), "+15555550101", "unknown"),
    ],
)
def test_a_number_is_dialled_that_a_list_names_and_that_is_of_no_refused_kind(
    allow: tuple[str, ...], number: str, expected: str | None
) -> None:
    assert code(DialRules(allow), number) == expected


def test_the_bot_does_not_ring_itself() -> None:
    assert code(DialRules(("+1",), frozenset({WASHINGTON})), WASHINGTON) == "own_number"


@pytest.mark.parametrize(
    ("number", "at", "expected"),
    [
        (WASHINGTON, NOON, None),
        (WASHINGTON, datetime(2026, 11, 25, 12, 59, tzinfo=UTC), "quiet_hours"),
        (WASHINGTON, datetime(2026, 11, 25, 13, 0, tzinfo=UTC), None),
        (WASHINGTON, datetime(2026, 11, 26, 2, 0, tzinfo=UTC), "quiet_hours"),
        (WASHINGTON, datetime(2026, 7, 15, 12, 0, tzinfo=UTC), None),
        (SAN_FRANCISCO, datetime(2026, 11, 25, 15, 59, tzinfo=UTC), "quiet_hours"),
        (BERLIN, NOON, None),
        (BERLIN, datetime(2026, 11, 25, 20, 0, tzinfo=UTC), "quiet_hours"),
        (TOLL_FREE, NOON, "quiet_hours"),
        (TOLL_FREE, datetime(2026, 11, 25, 22, 30, tzinfo=UTC), None),
    ],
    ids=[
        *("noon", "a minute to eight", "eight", "nine in the evening", "eight in summer"),
        *("not yet eight in California", "six in the evening in Berlin", "nine in the evening in Berlin"),
        *("a number of a whole country, and it is night on Guam", "day in all of it"),
    ],
)
def test_quiet_hours_are_those_where_the_callee_is(number: str, at: datetime, expected: str | None) -> None:
    rules = DialRules(("+",), hours=DAY)
    assert code(rules, number, at) == expected


def test_a_refusal_says_from_when_on_the_number_may_be_rung() -> None:
    refused = DialRules(("+1",), hours=DAY).refusal(WASHINGTON, datetime(2026, 11, 26, 3, 7, tzinfo=UTC))
    assert refused is not None
    assert refused.not_before == datetime(2026, 11, 26, 13, 0, tzinfo=UTC)
    assert "2026-11-26 13:00 UTC" in refused.sentence
    assert WASHINGTON not in refused.sentence


def test_hours_beyond_midnight_and_hours_that_never_end() -> None:
    night = parse_hours("22:00-06:00")
    assert [night.include(datetime(2026, 1, 1, hour).time()) for hour in (21, 22, 0, 5, 6)] == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert quiet_until(WASHINGTON, parse_hours("00:00-24:00"), NOON) is None


def test_where_no_time_suits_every_zone_there_is_none() -> None:
    refused = DialRules(("+7",), hours=CallingHours(12 * 60, 12 * 60 + 15)).refusal("+78002000600", NOON)
    assert refused is not None
    assert (refused.code, refused.not_before) == ("quiet_hours", None)


@pytest.mark.parametrize("text", ["", "8-21", "08:00", "08:00-08:00", "08:00-24:30", "25:00-26:00", "08:00 - 21:00"])
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be hours"):
        parse_hours(text)


def test_a_number_without_an_area_may_be_anywhere_in_its_country() -> None:
    assert zones_of(WASHINGTON) == ("America/New_York",)
    assert {"Pacific/Honolulu", "America/New_York"} <= set(zones_of("+15555550101"))
