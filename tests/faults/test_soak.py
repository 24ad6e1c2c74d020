"""Many calls leave nothing behind, and memory is flat."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.soak import Sample, hours, judged, judged_hours, short_calls

MIB = 1024 * 1024


async def test_nothing_is_left_of_some_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples = await short_calls(20)
    assert [one.tasks for one in samples[1:]] == [samples[0].tasks] * (len(samples) - 1)
    assert samples[-1].files <= samples[1].files


@pytest.mark.slow
async def test_nothing_is_left_of_ten_thousand_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert judged(await short_calls(10_000)) == []


@pytest.mark.slow
def test_memory_is_flat_over_fifty_calls_of_an_hour() -> None:
    assert judged_hours(list(hours(50))) == []


def test_a_call_of_two_minutes_has_two_sessions_and_every_answer() -> None:
    ((_, sessions, wrong, _),) = hours(1, 140_000)
    assert (sessions, wrong) == (2, [])


@pytest.mark.parametrize(
    ("last", "n_wrong"),
    [(Sample(1_000, 2, 10, 101 * MIB), 0), (Sample(1_000, 3, 10, 101 * MIB), 1), (Sample(1_000, 2, 11, 101 * MIB), 1),
     (Sample(1_000, 2, 10, 102 * MIB), 1)],
)  # fmt: skip
def test_what_stays_is_named(last: Sample, n_wrong: int) -> None:
    first, middle = Sample(0, 2, 10, 90 * MIB), Sample(500, 2, 10, 101 * MIB)
    assert len(judged([first, middle, last])) == n_wrong
