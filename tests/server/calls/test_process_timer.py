"""One timer for all calls: each is woken when its time has come, and none while the loop was held up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from bot.server.calls import process_timer
from bot.server.calls.process_timer import CATCH_UP_S, LATE_NS, TICK_S, ProcessTimer
from tests.waiting import GIVE_UP_S

pytestmark = pytest.mark.both_loops
TICK_NS = round(TICK_S * 1e9)


class Sleeper:
    def __init__(self, wake_ns: int) -> None:
        self.wake_ns = wake_ns
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


class Hand:
    """A beat whose clock and timer are in the test's hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 0
        self.beat = ProcessTimer()
        self.waits: list[float] = []
        monkeypatch.setattr(process_timer, "time", SimpleNamespace(monotonic_ns=lambda: self.now_ns))
        monkeypatch.setattr(process_timer.asyncio, "get_running_loop", lambda: self)

    def call_later(self, wait_s: float, step: object) -> Hand:
        self.waits.append(wait_s)
        self.step = step
        return self

    def cancel(self) -> None:
        self.waits.append(-1)

    def at(self, now_ns: int) -> Hand:
        self.now_ns = now_ns
        self.step()  # type: ignore[operator]
        return self


def test_only_those_whose_time_has_come_are_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    hand, due, later = Hand(monkeypatch), Sleeper(TICK_NS), Sleeper(TICK_NS + 1)
    hand.beat.join(due)
    hand.beat.join(later)
    hand.at(TICK_NS)
    assert (due.woken, later.woken) == (1, 0)
    hand.at(2 * TICK_NS)
    assert (due.woken, later.woken) == (2, 1)


def test_it_beats_only_while_anybody_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    hand, one, other = Hand(monkeypatch), Sleeper(0), Sleeper(0)
    hand.beat.join(one)
    hand.beat.join(other)
    assert hand.waits == [TICK_S]
    hand.beat.leave(one)
    hand.beat.leave(one)
    assert hand.waits == [TICK_S]
    hand.beat.leave(other)
    assert hand.waits == [TICK_S, -1]
    hand.beat.join(one)
    assert hand.waits == [TICK_S, -1, TICK_S]


def test_after_a_stall_the_sockets_are_read_before_anybody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    hand, due = Hand(monkeypatch), Sleeper(0)
    hand.beat.join(due)
    late_ns = TICK_NS + LATE_NS + 1
    hand.at(late_ns)
    assert (due.woken, hand.waits[-1]) == (0, CATCH_UP_S)
    hand.at(late_ns + round(CATCH_UP_S * 1e9))
    assert (due.woken, hand.waits[-1]) == (1, TICK_S)


def test_a_loop_that_is_always_late_wakes_them_every_other_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hand, due = Hand(monkeypatch), Sleeper(0)
    hand.beat.join(due)
    for number in range(1, 9):
        hand.at(number * 10 * LATE_NS)
    assert due.woken == 4


def test_who_leaves_while_others_are_woken_is_left_alone_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hand, last = Hand(monkeypatch), Sleeper(0)

    class Leaver(Sleeper):
        def wake(self) -> None:
            super().wake()
            hand.beat.leave(self)
            hand.beat.leave(last)

    first = Leaver(0)
    hand.beat.join(first)
    hand.beat.join(last)
    hand.at(TICK_NS)
    assert hand.waits[-1] == -1
    assert first.woken == 1


async def test_in_a_real_loop_it_wakes_until_it_is_left() -> None:
    woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    class Once(Sleeper):
        def wake(self) -> None:
            the_beat.leave(self)
            woken.set_result(None)

    the_beat = ProcessTimer()
    the_beat.join(Once(0))
    async with asyncio.timeout(GIVE_UP_S):
        await woken
