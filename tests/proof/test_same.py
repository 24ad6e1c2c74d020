"""The comparison of two checkouts: it sees no difference where there is none, and a small one where there is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.proof.same import HERE, compare, difference, lines_run

CALLS = 20
_UNSEEN = shutil.ignore_patterns("__pycache__", ".git", ".venv", ".*_cache")


def test_a_checkout_is_the_same_as_itself() -> None:
    outcome = compare(HERE, CALLS, 0)
    assert (outcome.calls, outcome.seed) == (CALLS, None)
    assert outcome.outputs > CALLS * 100
    assert outcome.ticks == outcome.other_ticks > 0


def test_a_microsecond_more_between_two_fillers_is_found(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(HERE / "bot", other / "bot", ignore=_UNSEEN)
    (planted,) = [path for path in (other / "bot").rglob("*.py") if "\nREPEAT_US = 6_000_000\n" in path.read_text()]
    planted.write_text(planted.read_text().replace("\nREPEAT_US = 6_000_000\n", "\nREPEAT_US = 6_000_001\n"))
    outcome = compare(other, CALLS, 0)
    assert outcome.seed is not None
    *_, here, there = difference(other, outcome.seed)
    assert (here.startswith("here: "), there.startswith("there: ")) == (True, True)
    assert here != there


@pytest.mark.slow
def test_the_calls_run_nine_lines_in_ten_of_the_core() -> None:
    *_, told = lines_run(0, 60)
    assert float(told.split()[-2]) >= 90, told
