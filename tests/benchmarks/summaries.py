"""Summaries of many measurements. Everything here is in microseconds."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Percentiles by nearest rank; all zero when nothing was measured."""

    count: int
    p50: float
    p99: float
    p999: float
    worst: float


def summary(values: Sequence[float]) -> Summary:
    ordered = sorted(values)
    if not ordered:
        return Summary(0, 0, 0, 0, 0)
    p50, p99, p999 = (_rank(ordered, share) for share in (0.5, 0.99, 0.999))
    return Summary(len(ordered), p50, p99, p999, ordered[-1])


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Samples:
    """Nanoseconds as they come, cheap to add."""

    def __init__(self) -> None:
        self._values = array("q")
        self.add = self._values.append

    def clear(self) -> None:
        del self._values[:]

    def summary_us(self) -> dict[str, float]:
        """A Summary as it goes over a pipe."""
        return asdict(summary([value / 1000 for value in self._values]))


class Spread:
    """A running standard deviation."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._n = 0
        self._sum = self._squares = 0.0

    def add(self, value: float) -> None:
        self._n += 1
        self._sum += value
        self._squares += value * value

    @property
    def deviation(self) -> float:
        if not self._n:
            return 0.0
        mean = self._sum / self._n
        return math.sqrt(max(0.0, self._squares / self._n - mean * mean))
