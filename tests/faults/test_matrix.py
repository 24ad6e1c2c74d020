"""The table of faults: the caller hears something within two seconds, and the next call is normal; in virtual time.

Over sockets the two seconds are for `python -m tests.faults`, and for slow tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.heard import HEARD, UNHARMED
from tests.faults.matrix import SOCKETS, VIRTUAL, InVirtualTime, OnSockets
from tests.faults.outcome import MOST_MS, Outcome, Sound, in_words
from tests.faults.virtual import Plan, run
from tests.postgres import NoPostgres


@pytest.mark.parametrize("one", VIRTUAL, ids=lambda one: f"{one.fault.side}: {one.fault.name}")
def test_what_is_heard_in_virtual_time(one: InVirtualTime) -> None:
    outcome = one.run()
    assert outcome.good, f"{outcome.verdict}; heard {in_words(outcome.heard)}"


@pytest.mark.parametrize("timed", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["heard", "in time"])
@pytest.mark.parametrize(
    "one",
    [
        pytest.param(
            one, marks=[pytest.mark.slow] if one.slow else [], id=f"{one.faults[0].side}: {one.faults[0].name}"
        )
        for one in SOCKETS
    ],
)
async def test_what_is_heard_over_sockets(
    one: OnSockets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, timed: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        outcomes = await one.run()
    except NoPostgres as why:
        pytest.skip(str(why))
    bad = [
        f"{fault.name}: {outcome.verdict}; heard {in_words(outcome.heard)}"
        for fault, outcome in zip(one.faults, outcomes, strict=True)
        if not (outcome.good if timed else outcome.something)
    ]
    assert bad == []


def test_a_call_without_a_fault_is_the_measure() -> None:
    outcome = run(Plan(None), UNHARMED)
    assert (outcome.good, outcome.after_ms) == (True, 0)


def test_every_line_is_another_fault_and_every_expectation_is_of_one() -> None:
    names = [one.fault.name for one in VIRTUAL]
    assert sorted(names) == sorted(HEARD)
    everything = names + [fault.name for one in SOCKETS for fault in one.faults]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize(
    ("heard", "after_ms", "good"),
    [
        ([Sound("a", 0, 900), Sound("b", 2_900, 3_000)], MOST_MS, True),
        ([Sound("a", 0, 900), Sound("b", 2_901, 3_000)], MOST_MS + 1, False),
        ([Sound("a", 0, 400), Sound("b", 1_700, 3_000)], 1_200, True),
        ([Sound("a", 0, 900)], None, False),
        ([], None, False),
    ],
)
def test_the_wait_is_from_the_fault_or_from_the_end_of_what_was_heard_then(
    heard: list[Sound], after_ms: float | None, good: bool
) -> None:
    outcome = Outcome(heard, 500, "caller_hung_up")
    assert (outcome.after_ms, outcome.good) == (after_ms, good)


def test_where_the_bound_does_not_hold_something_must_be_heard_all_the_same() -> None:
    late, never = (Outcome(heard, 500, "drained", apart="why") for heard in ([Sound("a", 9_000, 9_500)], []))
    assert late.good
    assert (never.good, never.something) == (False, False)


def test_what_is_heard_late_is_something_and_what_is_wrong_is_not() -> None:
    late = Outcome([Sound("a", 9_000, 9_500)], 500, "drained")
    assert (late.good, late.something) == (False, True)
    late.wrong.append("ended as idle")
    assert not late.something


def test_a_call_that_hears_other_than_is_written_is_not_ok() -> None:
    assert not run(Plan(None), "greeting 303-1303").good
    assert not run(Plan(None, ended="drained"), UNHARMED).good
    assert not run(Plan(None, n_sessions=2), UNHARMED).good
