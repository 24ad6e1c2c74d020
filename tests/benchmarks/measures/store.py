"""What the call store costs the calls: while it works, while it is locked, and while it is not there."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.measures.limits import say_limits
from tests.benchmarks.report import Table
from tests.benchmarks.rig import SETTLE_S, Observation, Rig, Store, Subject

CALLS = 20
EVERY_S = 0.05
"""Between two interruptions, whoever's: each makes about eight rows of the store."""
STATES: tuple[Store, ...] = ("none", "kept", "locked", "gone")
MAX_CORE_PERCENT = 5.0
MAX_BEYOND_US = 1_000


def store(rig: Rig) -> list[Table]:
    """In interleaved rounds, beside the same server without a store."""
    table = Table(
        "store",
        f"{CALLS} calls, {1 / EVERY_S:.0f} interruptions a second; what the call store does to their messages",
        ["store", "us per frame", "up p99 us", "down p99 us", "p99 beyond none", "core %", "core % beyond none"],
    )
    rounds = 2 if rig.quick else 6
    seen: dict[Store, list[Observation]] = {state: [] for state in STATES}
    for number in range(rounds):
        for state in STATES:
            rig.say(f"store: round {number + 1} of {rounds}, {state}")
            with rig.subject("heardline", store=state) as subject:
                seen[state].append(_window(rig, subject, state))
    for state, observed in seen.items():
        more = median(
            100 * (one.subject_share - none.subject_share) for one, none in zip(observed, seen["none"], strict=True)
        )
        beyond = median(_worse(one) - _worse(none) for one, none in zip(observed, seen["none"], strict=True))
        table.rows.append(
            [
                state,
                median(one.cost_us for one in observed),
                median(one.up.p99 for one in observed),
                median(one.down.p99 for one in observed),
                beyond,
                100 * median(one.subject_share for one in observed),
                more,
            ]
        )
        if state != "none":
            table.bound(f"p99 beyond the one without a store, {state}", beyond, MAX_BEYOND_US, " us")
            table.bound(f"core beyond the one without a store, {state}", more, MAX_CORE_PERCENT, " %")
    say_limits(table, [one for observed in seen.values() for one in observed])
    return [table]


def _window(rig: Rig, subject: Subject, state: Store) -> Observation:
    rig.open(subject, CALLS)
    rig.observe(subject, SETTLE_S)
    seconds = rig.seconds(20, 6)

    def interruptions() -> None:
        rig.model.ask("interrupt", times=int(seconds / EVERY_S), every_s=EVERY_S)

    with _locked(rig.store_file(subject)) if state == "locked" else contextlib.nullcontext():
        observed = rig.observe(subject, 0.0, interruptions)
    rig.close()
    return observed


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Nobody else can write to the store meanwhile."""
    with contextlib.closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield
        db.execute("ROLLBACK")


def _worse(observed: Observation) -> float:
    return max(observed.up.p99, observed.down.p99)
