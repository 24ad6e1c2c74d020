"""Two processes that share a registry, and calls that last: a call is its stream's process's, from claim to end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config import load_settings
from bot.server.directory.live_calls import LiveCalls
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.caller_quota import MINUTE_S, CallerQuota

CALL, OTHER, THIRD = ("CA" + digit * 32 for digit in "123")
HOUR_S = 3600.0


class Clock:
    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def two(tmp_path: Path, clock: Clock) -> Iterator[tuple[CallRegistry, CallRegistry]]:
    made = tuple(CallRegistry(clock, tmp_path / "calls", owner) for owner in (1, 2))
    yield made  # type: ignore[misc]
    for one in made:
        one.close()


def test_the_end_of_a_call_that_was_claimed_elsewhere_frees_its_place(
    two: tuple[CallRegistry, CallRegistry],
) -> None:
    one, other = two
    assert one.enter(CALL, 1) == "new"
    one.issue(CALL, b"n")
    assert one.known(CALL).owner == other.known(CALL).owner == 1
    assert other.claim(CALL, b"n")
    assert other.known(CALL).owner is None  # it waits for no stream any more
    one.end(CALL, "line_lost", own=True)  # who only had its session has no say
    assert (one.known(CALL).outcome, one.counts().live) == (None, 1)
    other.end(CALL, "bot_hung_up", own=True)
    assert (one.known(CALL).outcome, one.counts().live) == ("bot_hung_up", 0)
    assert one.enter(OTHER, 1) == "new"


def test_the_calls_of_a_process_that_dies_are_those_that_it_has_claimed(
    two: tuple[CallRegistry, CallRegistry],
) -> None:
    one, other = two
    for call_sid in (CALL, OTHER):
        one.enter(call_sid, 5)
    other.claim(CALL, b"n")
    assert other.processes.abandon(1) == 1
    assert (one.known(CALL).outcome, one.known(OTHER).outcome) == (None, "line_lost")
    assert one.processes.abandon(2) == 1
    assert one.known(CALL).outcome == "line_lost"


def test_a_call_that_begins_with_its_stream_is_its_process_s_too(
    two: tuple[CallRegistry, CallRegistry],
) -> None:
    one, other = two
    assert other.claim(CALL, b"n")
    one.end(CALL, "line_lost", own=True)
    assert one.counts().live == 1
    other.end(CALL, None)  # only one that waits is let go of
    assert one.counts().live == 1
    other.end(CALL, "caller_hung_up", own=True)
    assert one.counts().live == 0


def test_one_process_does_not_forget_the_other_s_call(two: tuple[CallRegistry, CallRegistry]) -> None:
    one, other = two
    one.enter(CALL, 5)
    other.end(CALL, None)
    assert one.counts().live == 1
    one.end(CALL, None)
    assert one.counts().live == 0


@pytest.fixture(params=["memory", "sqlite"])
def registry(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[CallRegistry]:
    made = CallRegistry(clock) if request.param == "memory" else CallRegistry(clock, tmp_path / "calls")
    yield made
    made.close()


@pytest.mark.parametrize("lasts_s", [MINUTE_S + 1, HOUR_S, 4 * HOUR_S])
def test_a_second_call_at_once_is_refused_however_long_the_first_has_lasted(
    registry: CallRegistry, clock: Clock, lasts_s: float
) -> None:
    anna, bert = CallerQuota("anna", at_once=1), CallerQuota("bert", at_once=1)
    assert registry.enter(CALL, 9, anna) == "new"
    clock.now_s += lasts_s
    assert registry.enter(OTHER, 9, bert) == "new"  # others who ring tidy up
    assert registry.enter(THIRD, 9, anna) == "caller_at_once"
    registry.end(CALL, "caller_hung_up")
    assert registry.enter(THIRD, 9, anna) == "new"


def test_two_limits_of_one_caller_are_counted_apart(registry: CallRegistry, clock: Clock) -> None:
    anna = CallerQuota("anna", at_once=2, per_minute=2)
    assert [registry.enter(one, 9, anna) for one in (CALL, OTHER, THIRD)] == ["new", "new", "caller_at_once"]
    registry.end(CALL, "caller_hung_up")
    assert registry.enter(THIRD, 9, anna) == "caller_rate"
    clock.now_s += MINUTE_S
    assert registry.enter(THIRD, 9, anna) == "new"


@pytest.mark.parametrize("what", ["unknown", "waiting", "streaming", "over"])
async def test_when_the_days_money_is_used_up_only_a_call_that_no_process_knows_is_turned_away(
    two: tuple[CallRegistry, CallRegistry], what: str
) -> None:
    one, other = two
    calls = LiveCalls(load_settings({"BOT_MAX_DAILY_USD": "1"}), other)
    calls.spent_today.stored(10**12)
    if what != "unknown":
        one.enter(CALL, 5)
    if what == "streaming":
        assert one.claim(CALL, b"n")
    if what == "over":
        one.end(CALL, "caller_hung_up")
    assert calls.admission.too_dear(CALL) is (what == "unknown")
    assert calls.admission.too_dear(OTHER)
