"""Grids of parameters of which the suite runs a sample, and `-m slow` the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest


def mark_the_rest_slow(items: Iterable[pytest.Item]) -> None:
    """Of each test with the marker `sampled(n)`, leave about one in n in the suite: each value of each parameter."""
    grids: defaultdict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("sampled"):
            grids[item.nodeid.partition("[")[0]].append(item)
    for grid in grids.values():
        marker = grid[0].get_closest_marker("sampled")
        assert marker is not None
        kept = sample([tuple(map(repr, item.callspec.params.values())) for item in grid], *marker.args)
        for number, item in enumerate(grid):
            if number not in kept:
                item.add_marker(pytest.mark.slow)


def sample(places: Sequence[tuple[object, ...]], one_in: int) -> set[int]:
    """Numbers of the places that stay: every n-th, and each that has a value which no other of them has."""
    kept = set(range(0, len(places), one_in))
    seen = {value for number in kept for value in enumerate(places[number])}
    for number, place in enumerate(places):
        if not seen.issuperset(enumerate(place)):
            kept.add(number)
            seen.update(enumerate(place))
    return kept
