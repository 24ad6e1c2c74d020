"""Memory of calls that are over: bytes, not kilobytes, for a day."""

from __future__ import annotations

import gc
import sqlite3
import tracemalloc
from contextlib import closing

import pytest

from bot.server.shared.call_registry import RECENT_S, CallRegistry, Known
from bot.server.shared.caller_quota import CallerQuota
from bot.server.shared.ended_calls import DAY_S, HOUR_S, EndedCalls
from bot.server.shared.outcomes import OUTCOMES
from bot.testing.dialling.dial import new_call_sid
from tests.server.simulated_server import ServerUnderTest, standing

MOST_BYTES = 50


class Clock:
    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def in_database(registry: CallRegistry) -> int:
    """Bytes that SQLite has taken, which no tracing of Python's sees."""
    (pages,), (size,) = (registry._db.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
    return pages * size


def test_a_day_of_calls_is_kept_in_fifty_bytes_each() -> None:
    """Each a caller of their own, with a quota."""
    clock, calls = Clock(), 5_000
    registry = CallRegistry(clock)

    def ring(number: int) -> None:
        call_sid = f"CA{number:032x}"
        assert registry.enter(call_sid, 100, CallerQuota(f"caller {number}", 1, 5)) == "new"
        registry.issue(call_sid, number.to_bytes(16))
        assert registry.claim(call_sid, number.to_bytes(16))
        registry.end(call_sid, "stopped", asks=True)
        registry.asked(call_sid)
        clock.now_s += DAY_S / calls

    for number in range(1_000):
        ring(number)
    tracemalloc.start()
    before = traced() + in_database(registry)
    for number in range(1_000, calls):
        ring(number)
    kept = (traced() + in_database(registry) - before) / (calls - 1_000)
    tracemalloc.stop()
    assert kept < MOST_BYTES
    clock.now_s -= DAY_S / 2
    assert all(registry.enter(f"CA{number:032x}", 100) == "over" for number in range(0, calls, 97))
    assert registry.known("CA" + "f" * 32).outcome is None


async def test_short_calls_leave_next_to_nothing_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their whole way through a server, each from a number of its own."""
    monkeypatch.setattr("bot.server.directory.call_endings.PAST_S", 0.0)
    monkeypatch.setattr("bot.server.shared.call_registry.RECENT_S", 0.0)
    async with standing(BOT_CALLS_PER_NUMBER="1", BOT_CALLS_PER_MINUTE="5") as desk:
        await short_calls(desk, 300)
        tracemalloc.start()
        before = in_database(desk.calls.registry)
        await short_calls(desk, 600)
        gc.collect()
        ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/bot/*")])
        kept = (sum(trace.size for trace in ours.traces) + in_database(desk.calls.registry) - before) / 600
        tracemalloc.stop()
        assert kept < MOST_BYTES


async def short_calls(desk: ServerUnderTest, number: int) -> None:
    for _ in range(number):
        call_sid = new_call_sid()
        assert desk.calls.admission.enter(call_sid, f"+1555{int(call_sid[2:9], 16) % 10**7:07}") == "new"
        live = desk.calls.starter.start(call_sid)
        desk.calls.tokens.issue(call_sid)
        live.bridge.shutdown("line_lost")
        await live.task
    desk.logs.clear()


def test_a_call_that_is_over_is_found_by_how_it_ended_until_a_day_later() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        over, now_s = EndedCalls(database), 0.0
        for number, outcome in enumerate(OUTCOMES * 100):
            over.tidy(now_s)
            over.add(f"CA{number:032x}", outcome, now_s)
            now_s += DAY_S / (100 * len(OUTCOMES))
        assert all(over.find(f"CA{number:032x}") == (outcome,) for number, outcome in enumerate(OUTCOMES * 100))
        over.drop("CA" + "0" * 32)
        assert over.find("CA" + "0" * 32) is None
        over.tidy(now_s + DAY_S + HOUR_S)
        over.add("CA" + "f" * 32, "idle", now_s + DAY_S + HOUR_S)
        assert over.find(f"CA{1:032x}") is None
        assert over.find("CA" + "f" * 32) == ("idle",)


def test_how_a_call_ended_is_known_however_long_ago_and_a_call_that_goes_on_is_not_over() -> None:
    clock = Clock()
    registry = CallRegistry(clock)
    one, other = new_call_sid(), new_call_sid()
    for call_sid in (one, other):
        registry.enter(call_sid, 5)
        registry.end(call_sid, "line_lost")
    clock.now_s += 2 * RECENT_S
    registry.enter(new_call_sid(), 5)  # both are old by now
    assert (registry.known(one).outcome, registry.enter(one, 5), registry.claim(one, b"")) == (
        "line_lost",
        "over",
        False,
    )
    registry.reopen(one)
    assert (registry.known(one).outcome, registry.enter(one, 5), registry.counts().live) == (None, "waiting", 2)
    registry.end(other, None)
    assert registry.enter(other, 5) == "new"


def test_a_call_that_was_over_before_the_start_is_over_and_the_store_says_what_follows_where_it_may_be_carried_on() -> (
    None
):
    clock = Clock()
    registry = CallRegistry(clock)
    gone, broken = new_call_sid(), new_call_sid()
    registry.over.fill([(gone, "caller_hung_up", clock.now_s - 60), (broken, None, clock.now_s - 60)])
    assert [registry.enter(gone, 5), registry.enter(broken, 5), registry.counts().live] == ["over", "over", 0]
    assert [registry.known(gone).outcome, registry.known(broken).outcome] == ["caller_hung_up", None]
    assert [registry.claim(gone, b"n"), registry.claim(broken, b"n")] == [False, True]  # another instance carries it on
    registry.end(broken, "caller_hung_up")
    clock.now_s += 2 * RECENT_S
    registry.enter(new_call_sid(), 5)
    assert registry.known(broken).outcome == "caller_hung_up"  # the newer end counts
    clock.now_s += DAY_S + HOUR_S
    registry.over.tidy(clock.now_s)
    assert registry.known(gone) == registry.known(broken) == Known()
