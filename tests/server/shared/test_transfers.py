"""Transfers as the processes of an instance know them: forward only, each step once."""

from __future__ import annotations

from pathlib import Path

from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.transfers import BEGAN, KEPT_S, OVER, PICKED_UP, SUMMARY, TAKEN, Transfer, _told

SID = "CA" + "a" * 32


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_each_step_is_entered_once_and_every_process_sees_it(tmp_path: Path) -> None:
    clock = Clock()
    registries = [CallRegistry(clock, tmp_path / "registry", owner) for owner in (1, 2)]
    one, other = (registry.transfers for registry in registries)
    one.put(SID, Transfer(0, 1, "sales", "They want a boat."))
    clock.now_s = 1_010.0
    assert other.picked_up(SID, 0)
    assert not one.picked_up(SID, 0)
    clock.now_s = 1_015.0
    assert one.taken(SID, 0)
    clock.now_s = 1_020.0
    assert not other.taken(SID, 0)
    assert other.find(SID) == Transfer(0, 1, "sales", "They want a boat.", 1, 1_010.0, 1_015.0, "")
    assert other.again(SID, 0)
    assert not one.again(SID, 0)
    assert one.over(SID, 0, "connected")
    assert not other.over(SID, 0, "busy")
    found = other.find(SID)
    assert found is not None
    assert (found.result, found.tries) == ("connected", 2)


def test_a_key_that_comes_after_the_end_or_for_an_earlier_transfer_takes_nothing() -> None:
    registry = CallRegistry(Clock())
    table = registry.transfers
    table.put(SID, Transfer(0, 1, "sales"))
    table.over(SID, 0, "no_answer")
    assert not table.taken(SID, 0)
    table.put(SID, Transfer(1, 2, "service"))
    assert not table.taken(SID, 0)
    assert not table.picked_up(SID, 0)
    found = table.find(SID)
    assert found is not None
    assert (found.taken_s, found.destination) == (None, "service")


def test_one_that_is_begun_twice_stays_as_it_is() -> None:
    registry = CallRegistry(Clock())
    table = registry.transfers
    table.put(SID, Transfer(1, 2, "sales"))
    table.taken(SID, 1)
    table.put(SID, Transfer(1, 2, "service"))
    table.put(SID, Transfer(0, 1, "service"))
    found = table.find(SID)
    assert found is not None
    assert (found.destination, found.taken_s) == ("sales", 1_000.0)


def test_what_is_a_day_old_is_forgotten() -> None:
    clock = Clock()
    registry = CallRegistry(clock)
    table = registry.transfers
    table.put(SID, Transfer(0, 1, "sales"))
    clock.now_s += KEPT_S + 1
    table.put(SID.replace("a", "b"), Transfer(0, 1, "sales"))
    assert table.find(SID) is None


def test_another_instance_reads_the_latest_one_from_the_events_of_the_call() -> None:
    events = [
        (OVER, {"leg": 0, "result": "busy"}),
        (SUMMARY, {"leg": 1, "summary": "They want a boat."}),
        (BEGAN, {"leg": 1, "number": 2, "destination": "service"}),
        (BEGAN, {"leg": 0, "number": 1, "destination": "sales"}),
        (PICKED_UP, {"leg": 1, "at": 5.0}),
        (TAKEN, {"leg": 1, "at": 6.5}),
    ]
    assert _told(events) == Transfer(1, 2, "service", "They want a boat.", 1, 5.0, 6.5, "")
    assert _told(events[:1]) is None
