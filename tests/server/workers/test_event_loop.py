"""The garbage collector looks through live calls only when nobody would hear the pause."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from bot.server.workers.event_loop import SWITCH_S, TIDY_AFTER_CALLS, Memory, run_in_loop


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold, switch_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    sys.setswitchinterval(switch_s)
    gc.set_threshold(*threshold)


@pytest.mark.parametrize(
    ("ended", "live", "collected"),
    [(0, 0, False), (0, 5, False), (1, 5, False), (1, 0, True), (TIDY_AFTER_CALLS, 5, True)],
)
def test_when_it_is_time(ended: int, live: int, *, collected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, passes = Memory(), []
    monkeypatch.setattr(gc, "collect", lambda: passes.append(1))
    memory.tidy(ended=ended, live=live)
    memory.tidy(ended=ended, live=live)
    assert bool(passes) is collected
    assert len(passes) <= 1


def test_a_full_pass_never_comes_by_itself() -> None:
    frozen, new = gc.get_freeze_count(), [[] for _ in range(100)]
    Memory()
    assert gc.get_threshold()[2] >= 1_000_000
    assert gc.get_freeze_count() >= frozen + len(new)


def test_a_thread_that_computes_gives_the_interpreter_to_the_loop_soon() -> None:
    async def interval_s() -> float:
        return sys.getswitchinterval()

    assert run_in_loop(interval_s()) == pytest.approx(SWITCH_S)
