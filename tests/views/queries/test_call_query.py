from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.results import Filters
from bot.views.queries.call_query import BadQuestion, Question, filters_of, with_time
from bot.views.queries.typed_times import is_time_word


@pytest.fixture(autouse=True)
def _in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock is five hours behind UTC, four in summer."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


def ask(**given_options: str) -> Filters:
    return filters_of(Question(**given_options), lambda number: "hash" if number == "+15555550142" else "")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_with_no_options_nothing_is_filtered() -> None:
    assert ask() == Filters(limit=50)


def test_a_day_is_one_of_this_machine_s_clock() -> None:
    assert ask(day="2026-11-22") == Filters(since=utc(2026, 11, 22, 5), until=utc(2026, 11, 23, 5))


def test_the_day_the_clock_is_put_back_has_25_hours() -> None:
    assert ask(day="2026-11-01") == Filters(since=utc(2026, 11, 1, 4), until=utc(2026, 11, 2, 5))


NOW = datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=-5)))
"""A morning in New York."""


@pytest.mark.parametrize(
    ("options", "since", "until"),
    [
        ({"day": "today"}, utc(2026, 11, 22, 5), utc(2026, 11, 23, 5)),
        ({"day": "Yesterday"}, utc(2026, 11, 21, 5), utc(2026, 11, 22, 5)),
        ({"day": "2d"}, utc(2026, 11, 20, 5), utc(2026, 11, 21, 5)),
        ({"day": "3 weeks ago"}, utc(2026, 11, 1, 4), utc(2026, 11, 2, 5)),
        ({"since": "yesterday"}, utc(2026, 11, 21, 5), None),
        ({"since": "2d"}, utc(2026, 11, 20, 14, 30), None),
        ({"since": "3h", "until": "30m"}, utc(2026, 11, 22, 11, 30), utc(2026, 11, 22, 14)),
        ({"since": "1 hour ago"}, utc(2026, 11, 22, 13, 30), None),
        ({"since": "08:15", "until": "today"}, utc(2026, 11, 22, 13, 15), utc(2026, 11, 23, 5)),
    ],
)
def test_times_are_taken_as_people_say_them(
    options: dict[str, str], since: datetime | None, until: datetime | None
) -> None:
    found = filters_of(Question(**options), str, NOW)
    assert (found.since, found.until) == (since, until)


@pytest.mark.parametrize("text", ["0.5d", "d", "-2d", "2x", "99999999d", "999999w", "2026-11-22T12:00", "12:99"])
def test_what_only_looks_like_a_time_is_none(text: str) -> None:
    with pytest.raises(BadQuestion, match="is not a day"):
        ask(day=text)


def test_a_time_may_stand_where_a_sid_does() -> None:
    assert with_time(Question(reason="idle"), "yesterday") == Question(day="yesterday", reason="idle")
    assert with_time(Question(), "2d") == Question(since="2d")
    assert [word for word in ("today", "2d", "3 h", "2026-11-22", "CA2d", "2", "ca", "") if is_time_word(word)] == [
        "today",
        "2d",
        "3 h",
        "2026-11-22",
    ]
    with pytest.raises(BadQuestion, match="leave one of them away"):
        with_time(Question(since="2d"), "today")


def test_a_span_of_days_has_both_ends_in_it() -> None:
    assert ask(since="2026-11-20", until="2026-11-22") == Filters(
        since=utc(2026, 11, 20, 5), until=utc(2026, 11, 23, 5)
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T17:30", utc(2026, 11, 22, 22, 30)),
        ("2026-11-22 17:30:05", utc(2026, 11, 22, 22, 30, 5)),
        ("2026-11-22T17:30Z", utc(2026, 11, 22, 17, 30)),
        ("2026-11-22T17:30+02:00", utc(2026, 11, 22, 15, 30)),
    ],
)
def test_a_time_is_this_machine_s_unless_it_names_its_zone(text: str, moment: datetime) -> None:
    assert ask(since=text, until=text) == Filters(since=moment, until=moment)


def test_a_number_is_asked_for_by_its_hash_alone() -> None:
    assert ask(number="+15555550142") == Filters(caller_hash="hash")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("caller_hung_up", "caller_hung_up"), ("Caller hung up", "caller_hung_up"), ("crashed", "crashed"), ("live", "")],
)
def test_a_reason_may_be_written_as_it_is_shown(text: str, reason: str) -> None:
    assert ask(reason=text) == Filters(reason=reason)


@pytest.mark.parametrize(
    ("text", "nano"), [("0.25", 250_000_000), ("$1", 10**9), ("0", 0), ("0.0000000001", 1), ("1e-9", 1)]
)
def test_dollars_become_billionths_rounded_up(text: str, nano: int) -> None:
    assert ask(min_usd=text) == Filters(min_nano_usd=nano)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"day": "tomorrow"}, "--day tomorrow is not a day such as 2026-11-22, yesterday or 2d."),
        ({"day": "2026-11-22T12:00"}, "--day 2026-11-22T12:00 is not a day such as 2026-11-22, yesterday or 2d."),
        ({"day": "2026-02-30"}, "--day 2026-02-30 is not a day such as 2026-11-22, yesterday or 2d."),
        ({"day": "2026-11-22", "since": "2026-11-01"}, "--day names the whole span: leave --since and --until away."),
        ({"since": "now"}, "--since now is neither a day nor a time, such as 2026-11-22T17:30, yesterday, 2d or 3h."),
        (
            {"until": "9999-12-31"},
            "--until 9999-12-31 is neither a day nor a time, such as 2026-11-22T17:30, yesterday, 2d or 3h.",
        ),
        ({"reason": "line_los"}, "--reason line_los is no reason for which calls end: did you mean line_lost?"),
        ({"min_usd": "much"}, "--min-usd much is not a sum of dollars such as 0.25."),
        ({"min_usd": "-1"}, "--min-usd -1 is not a sum of dollars such as 0.25."),
        ({"min_usd": "nan"}, "--min-usd nan is not a sum of dollars such as 0.25."),
        ({"min_usd": "inf"}, "--min-usd inf is not a sum of dollars such as 0.25."),
        ({"min_usd": "1e30"}, "--min-usd 1e30 is not a sum of dollars such as 0.25."),
        ({"number": "555"}, "--number is not a telephone number in E.164 form, such as +15555550142."),
    ],
)
def test_nonsense_is_answered_with_the_mend(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadQuestion) as caught:
        ask(**options)
    assert str(caught.value) == sentence


def test_a_reason_unlike_any_is_answered_with_all() -> None:
    with pytest.raises(BadQuestion, match=r"use one of caller_hung_up, .*, crashed, live"):
        ask(reason="xyzzy")


@given(st.sampled_from(["day", "since", "until", "reason", "min_usd", "number"]), st.text(max_size=30))
def test_any_text_is_a_question_or_a_sentence(option: str, text: str) -> None:
    try:
        found: object = ask(**{option: text})
    except BadQuestion as error:
        found = str(error)
    if isinstance(found, Filters):
        assert found != ask() or not text.strip()
    else:
        assert str(found).startswith(f"--{option.replace('_', '-')}")
