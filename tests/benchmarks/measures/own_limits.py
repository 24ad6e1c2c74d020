"""Notes on the load generators, and a warning where they, not the subject, may be what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.report import Table
from tests.benchmarks.rig import Observation


def say_limits(table: Table, observations: Sequence[Observation]) -> None:
    """Note how the load generators did; in plain words when they may be what was measured."""
    lag_us = max(one.lag.p99 for one in observations)
    share = max(one.generator_share for one in observations)
    table.notes.append(
        f"load generators: p99 of their own lag {lag_us / 1000:.1f} ms, {share:.0%} of their core at most"
    )
    limited = sum(one.limited for one in observations)
    if limited:
        table.notes.append(f"LIMITED BY THE LOAD GENERATORS in {limited} of {len(observations)} windows")
