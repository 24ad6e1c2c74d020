"""The fuzzer finds what there is to find, and in a few thousand inputs nothing of ours."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.fuzz_loop import fuzz
from tests.fuzz.mutation import MOST_BYTES, mutated
from tests.fuzz.targets import TARGETS, a_file

RUNS = {"call": 30, "frames": 150}


def ticks() -> Callable[[], float]:
    """A clock by which every input takes as long."""
    count = itertools.count()
    return lambda: next(count) / 1_000


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_does_what_none_may_do(name: str) -> None:
    target, seeds = TARGETS[name]
    runs = RUNS.get(name, 1_500)
    begins = seeds()
    found = fuzz(target, begins, (runs + len(begins)) * 3 / 1_000, seed=1, clock=ticks())
    assert found.failures == {}
    assert found.runs > runs


def test_a_defect_is_found_and_its_input_kept() -> None:

    def target(data: bytes) -> None:
        a_file(data)
        if data.count(b"heardline_fixture") > 1:
            raise KeyError("the defect")

    seeds = TARGETS["fixture"][1]()
    found = fuzz(target, seeds, 12.0, seed=1, clock=ticks())
    (where,) = found.failures
    assert where.startswith("KeyError: 'the defect' (target, line ")
    assert found.failures[where].count(b"heardline_fixture") > 1
    assert found.lines > 100


def test_the_same_seed_makes_the_same_inputs() -> None:
    one = TARGETS["stream"][1]()[0]
    made = [[mutated(one, [one, b"x"], random.Random(3)) for _ in range(20)] for _ in range(2)]
    assert made[0] == made[1]
    assert all(len(each) <= MOST_BYTES for each in made[0])
    others = {mutated(one, [one, b"x"], random.Random(seed)) for seed in range(20)}
    assert len(others) > 10
    assert one not in made[0]


def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "0"]) == 0
    assert capsys.readouterr().out.startswith("token: 3 inputs, ")
    assert main(["nothing"]) == 2
    assert "stream|events|frames|call" in capsys.readouterr().err
