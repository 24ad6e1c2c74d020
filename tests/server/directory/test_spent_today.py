"""The day's money while the store tells of it, and while it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.facts import UsageFact
from bot.server.bookkeeping.store_service import _spent_today, keeping, midnight
from bot.server.directory.spent_today import SpentToday
from bot.store.rows import CallEnded, CallStarted, Row, UsageKept
from bot.testing.dialling.dial import new_call_sid
from tests.postgres import Server
from tests.server.simulated_server import standing, until
from tests.store.conftest import new_database

TODAY, TOMORROW = date(2026, 11, 27), date(2026, 11, 28)


class Spender:
    """One process's spending, and a day that a test can change."""

    def __init__(self) -> None:
        self.own = 7
        self.today = TODAY
        self.bridge = Mock()
        self.day = SpentToday(cast(Any, [self]), 0, lambda: self.today)

    @property
    def used_nano_usd(self) -> int:
        """As of the one call of the process."""
        return self.own


def test_a_process_counts_on_from_the_store_s_last_word() -> None:
    spender = Spender()
    assert spender.day.nano_usd == 0
    spender.own += 5
    assert spender.day.nano_usd == 5  # nobody has told yet what others spent
    spender.day.stored(105)
    assert spender.day.nano_usd == 105
    spender.own += 3
    assert spender.day.nano_usd == 108


def test_a_new_day_begins_with_nothing_although_the_store_is_away() -> None:
    spender = Spender()
    spender.day.stored(100)
    spender.today = TOMORROW
    assert spender.day.nano_usd == 0
    spender.own += 3
    assert spender.day.nano_usd == 3


def test_what_is_told_of_yesterday_does_not_count_today() -> None:
    """The store was asked before midnight, and its answer comes after it."""
    spender = Spender()
    spender.day.stored(100, TODAY)
    assert spender.day.nano_usd == 100
    spender.today = TOMORROW
    spender.day.stored(100, TODAY)
    assert spender.day.nano_usd == 0
    spender.day.stored(9, TOMORROW)
    assert spender.day.nano_usd == 9


def test_what_was_spent_beside_calls_counts_whatever_the_store_tells_until_midnight() -> None:
    spender = Spender()
    spender.day.add_beside_calls(40)
    assert spender.day.nano_usd == 40
    spender.day.stored(100)
    spender.own += 3
    assert spender.day.nano_usd == 143
    spender.today = TOMORROW
    spender.day.add_beside_calls(2)
    assert spender.day.nano_usd == 2
    spender.day.stored(9, TOMORROW)
    assert spender.day.nano_usd == 11


@given(st.lists(st.integers(0, 100), max_size=20))
def test_with_a_store_that_knows_all_it_makes_no_difference_when_it_tells(spent: list[int]) -> None:
    spender = Spender()
    for number, more in enumerate(spent):
        spender.own += more
        if number % 3:
            spender.day.stored(spender.own - 7)
        assert spender.day.nano_usd == spender.own - 7


async def test_the_cap_holds_although_no_store_ever_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "bot.server.bookkeeping.store_service.GONE_S", 0.2
    )  # how long a store that is away is waited for at the end
    url = "postgresql://bot@127.0.0.1:1/calls?sslmode=disable"
    store = {"DATABASE_URL": url, "BOT_PII_KEY": "ab" * 32, "BOT_RECORD_DIR": str(tmp_path)}
    async with standing(keep=keeping, BOT_MAX_DAILY_USD="0.0001", **store) as desk:
        await desk.works()  # costs more than that
        assert desk.calls.spent_today.nano_usd > 100_000
        assert "<Stream" not in (await desk.voice(new_call_sid()))[1]
        assert [entry["why"] for entry in desk.logged("call_refused")] == ["spend_limit"]


class Unwritable:
    """A store that can be read, and the keeper of what it can't be told."""

    def __init__(self, stored: int, *rows: Row) -> None:
        self._stored = stored
        self._rows = list(rows)

    async def spent_since(self, _: datetime) -> int:
        return self._stored

    settled = 0

    def unsettled(self) -> list[Row]:
        return self._rows


class Draining(Unwritable):
    """Rows are stored while it is looked."""

    async def spent_since(self, _: datetime) -> int:
        self.settled += bool(self._rows)
        self._rows.clear()
        return self._stored


async def test_what_is_stored_while_it_is_looked_is_not_counted_twice() -> None:
    row = UsageKept("CA1", datetime.now(UTC), UsageFact(1, "response", "resp_1", "m", nano_usd=70))
    store: Any = Draining(70, row)
    async with standing(BOT_MAX_DAILY_USD="2") as desk:
        await _spent_today(desk.calls, store)(store)
        await until(lambda: desk.calls.spent_today.nano_usd)
        assert desk.calls.spent_today.nano_usd == 70


async def test_what_the_store_has_yet_to_be_told_is_counted_too() -> None:
    """Usage before midnight is not today's, and a call that was carried on counts its line once."""
    now = datetime.now(UTC)
    before = midnight(now) - timedelta(seconds=1)
    used = UsageFact(1, "response", "resp_1", "m", nano_usd=70)
    rows = (
        *(UsageKept("CA1", now, used), UsageKept("CA1", before, used)),
        CallEnded("CA1", now, "line_lost", 5.0, 1, 0, line_nano_usd=7),
        CallEnded("CA1", now, "caller_hung_up", 9.0, 1, 0, line_nano_usd=7, leg=1),
        CallEnded("CA3", before, "caller_hung_up", 9.0, 1, 0, line_nano_usd=7),
        CallStarted("CA2", now, "host/1"),
    )
    store: Any = Unwritable(1_000, *rows)
    async with standing(BOT_MAX_DAILY_USD="2") as desk:
        await _spent_today(desk.calls, store)(store)
        await until(lambda: desk.calls.spent_today.nano_usd)
        assert desk.calls.spent_today.nano_usd == 1_077


async def test_a_line_counts_when_its_call_ends_as_in_the_store() -> None:
    async with standing(BOT_MAX_DAILY_USD="100", BOT_TWILIO_USD_PER_MINUTE="1") as desk:
        async with desk.stream() as hand:
            await until(lambda: hand.bridge.call.spending.line_nano_usd)
            assert desk.calls.spent_today.nano_usd < 1_000_000_000
            desk.calls.spent_today.stored(0)
        await desk.quiet()
        assert 1_000_000_000 <= desk.calls.spent_today.nano_usd < 1_100_000_000


async def test_what_one_instance_spends_stops_the_calls_of_another(
    tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.server.bookkeeping.store_service.LOOK_S", 0.2)  # how often each asks the store
    store = {"DATABASE_URL": postgres.url(await new_database(postgres)), "BOT_PII_KEY": "ab" * 32}
    env = {**store, "BOT_MAX_DAILY_USD": "0.0001", "BOT_RECORD_DIR": str(tmp_path)}
    async with standing(keep=keeping, **env) as one, standing(keep=keeping, **env) as other:
        told: list[int] = []
        other.calls.spent_today.on_spend.append(told.append)
        assert not other.calls.admission.too_dear(new_call_sid())
        await one.works()
        await until(lambda: told and told[-1] > 100_000)
        assert other.calls.admission.too_dear(new_call_sid())
