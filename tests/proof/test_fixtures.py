"""The recorded calls of tests/fixtures still give the same bytes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.records.fixture import read_fixture
from bot.records.replay import replay
from bot.testing import assert_replays
from tests.proof.fixtures import DIRECTORY, path_of
from tests.proof.situations import SITUATIONS

FIXTURES = sorted(DIRECTORY.glob("*.call.jsonl*"))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_it_replays_to_identical_bytes(path: Path) -> None:
    assert assert_replays(path).outputs > 10


def test_each_of_the_eight_situations_has_one() -> None:
    assert {path_of(situation) for situation in SITUATIONS} <= set(FIXTURES)


@pytest.mark.slow
def test_a_hundred_seconds_of_call_replay_in_under_a_second() -> None:
    began, played = time.perf_counter(), 0.0
    while played < 100:
        for path in FIXTURES:
            played += replay(read_fixture(path)).seconds
    assert (time.perf_counter() - began) * 100 / played < 1
