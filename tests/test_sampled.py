"""The sample of a grid: small, the same each time, and with each value of each parameter."""

from __future__ import annotations

from itertools import product

import pytest

from tests.sampled import sample


@pytest.mark.parametrize("shape", [(9, 17), (3, 3, 6), (13, 3), (5,), (4, 4), (2, 5, 3)])
@pytest.mark.parametrize("one_in", [1, 2, 3, 4, 5, 50])
def test_each_value_of_each_parameter_stays(shape: tuple[int, ...], one_in: int) -> None:
    places = list(product(*map(range, shape)))
    kept = sample(places, one_in)
    for axis, size in enumerate(shape):
        assert {places[number][axis] for number in kept} == set(range(size))
    assert len(kept) <= len(places) // one_in + 1 + sum(shape)


def test_all_stay_where_no_other_has_their_value() -> None:
    assert sample([(0,), (1,), (2,)], 3) == {0, 1, 2}
