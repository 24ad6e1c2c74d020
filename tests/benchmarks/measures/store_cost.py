"""Cost of the call store to the calls: while it works, is slow, locked or full, and while it is not there.

What was held back meanwhile is looked for in the store once that is well again.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from statistics import median

from tests.benchmarks.measures.own_limits import say_limits
from tests.benchmarks.report import Table
from tests.benchmarks.rig import SETTLE_S, Observation, Rig, Store, Subject
from tests.store import troubles

CALLS = 20
EVERY_S = 0.05
"""Seconds between two interruptions, of any call: each makes about eight rows of the store."""
TROUBLES: Mapping[Store, Callable[[Path], AbstractContextManager[None]]] = {
    "slow": troubles.slow,
    "locked": troubles.locked,
    "full": troubles.full,
}
STATES: tuple[Store, ...] = ("none", "kept", *TROUBLES, "gone")
STORED_S = 60
"""The store is well again and the calls are over: by then everything is in it."""
MAX_CORE_PERCENT = 5.0
MAX_BEYOND_US = 1_000


def store(rig: Rig) -> list[Table]:
    """Cost of the store in interleaved rounds, beside the same server without one."""
    table = Table(
        "store",
        f"{CALLS} calls, {1 / EVERY_S:.0f} interruptions a second; what the call store does to their messages",
        [
            "store",
            "us per frame",
            "up p99 us",
            "down p99 us",
            "p99 beyond none",
            "core %",
            "core % beyond none",
            "stored",
        ],
    )
    states = [*STATES]
    rounds = 2 if rig.quick else 6
    seen: dict[Store, list[Observation]] = {state: [] for state in STATES}
    stored: dict[Store, list[int]] = {state: [] for state in STATES}
    for number in range(rounds):
        for state in tuple(states):
            rig.say(f"store: round {number + 1} of {rounds}, {state}")
            try:
                with rig.subject("heardline", store=state) as subject:
                    seen[state].append(_window(rig, subject, state))
                    if state in {"kept", *TROUBLES}:
                        stored[state].append(_stored(rig.records(subject.target)))
            except troubles.NoSmallDisk as why:
                table.notes.append(f"{state} was not measured: {why}")
                states.remove(state)
    for state in states:
        observed = seen[state]
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
                f"{min(stored[state])} of {CALLS}" if stored[state] else "-",
            ]
        )
        if stored[state]:
            table.bound(f"calls of a round not whole in the store, {state}", CALLS - min(stored[state]), 0)
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

    trouble = TROUBLES.get(state)
    with trouble(rig.records(subject.target)) if trouble else contextlib.nullcontext():
        observed = rig.observe(subject, 0.0, interruptions)
    rig.close()
    return observed


def _stored(records: Path) -> int:
    """Number of calls in the store with their end and without a row lost, as soon as all are or time is up."""
    until_s = time.monotonic() + STORED_S
    with closing(sqlite3.connect(records / troubles.FILE, timeout=30)) as db:
        while True:
            (whole,) = db.execute("SELECT count(*) FROM calls WHERE ended_at IS NOT NULL AND lost = 0").fetchone()
            if whole >= CALLS or time.monotonic() > until_s:
                return int(whole)
            time.sleep(0.1)


def _worse(observed: Observation) -> float:
    return max(observed.up.p99, observed.down.p99)
