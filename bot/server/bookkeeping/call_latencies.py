"""How long the caller of one call waited: what its record says of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import ceil

from bot.call.facts import Wait, WaitFact

MOST = 10_000
"""Waits of a kind that are counted: an hour's call has some hundreds."""


class CallLatencies:
    """Collects waits and sums them up."""

    def __init__(self) -> None:
        self._us: defaultdict[Wait, list[int]] = defaultdict(list)

    def add(self, fact: WaitFact) -> None:
        if len(self._us[fact.what]) < MOST:
            self._us[fact.what].append(fact.us)

    def summary(self) -> dict[str, float]:
        """Milliseconds: the one wait for the greeting, and p50 and p95 of every other kind there was."""
        found: dict[str, float] = {}
        for what, waits in sorted(self._us.items()):
            if what == "greeting_heard":
                found[what] = waits[0] / 1000
            else:
                found[f"{what}_p50"] = percentile(waits, 50) / 1000
                found[f"{what}_p95"] = percentile(waits, 95) / 1000
        return found


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest of `values` that `percent` of them do not exceed (nearest rank)."""
    return sorted(values)[ceil(len(values) * percent / 100) - 1]
