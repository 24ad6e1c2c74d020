"""`python -m tests.hostile [CONNECTIONS [CALLS]]`: what calls notice of strangers, in the real server over real sockets.

1,000 connections beside 20 calls unless told: the delay of the calls' messages without them and beside them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.machine import allow_many_sockets
from tests.benchmarks.rig import SETTLE_S, Observation, Rig
from tests.benchmarks.rig_processes import Process, RigError

LIMIT_US = 20_000
"""Longest delay that a call may notice: one frame."""
SECONDS = 15.0
WARM_UP_S = 12.0
"""Seconds until the first of the slow connections are closed and opened again."""


def main(arguments: list[str]) -> int:
    """0 when the delay stays within one frame and no call is lost, else 1."""
    connections, calls = [*map(int, arguments), *(1_000, 20)[len(arguments) :]]
    allow_many_sockets()
    with tempfile.TemporaryDirectory(prefix="heardline-hostile-") as scratch:
        directory = Path(scratch)
        with (
            Rig(directory, lambda text: print(text, file=sys.stderr)) as rig,
            rig.subject("heardline") as subject,
            Process(
                ["-m", "tests.hostile.attack"], name="attack", cores=rig._cores.phone, log=directory / "attack.log"
            ) as attack,
        ):
            rig.open(subject, calls)
            rig.observe(subject, SETTLE_S, lossy=True)
            before = rig.steady(subject, SECONDS)
            attack.ask("begin", target=asdict(subject.target), connections=connections)
            time.sleep(WARM_UP_S)
            beside = rig.steady(subject, SECONDS)
            seen = attack.ask("end")
            rig.stop()
            _close(rig)
        faults = rig.faults
    for name, one in ((f"{calls} calls alone", before), (f"beside {connections} strangers", beside)):
        print(_row(name, one))
    print("connections: " + ", ".join(f"{what} {times}" for what, times in sorted(seen.items())))
    for fault in faults:
        print(fault)
    worse = max(beside.up.p99, beside.down.p99)
    refused = any(what.startswith("failed") for what in seen)
    good = worse <= LIMIT_US and not beside.lost_calls and not faults and not refused
    print(f"{'holds' if good else 'MISSED'}: p99 {worse / 1000:.1f} ms, at most {LIMIT_US / 1000:.0f}")
    return 0 if good else 1


def _close(rig: Rig) -> None:
    try:
        rig.close()
    except RigError:  # sessions of the strangers' own calls may take their time
        print("sessions were still open at the end", file=sys.stderr)


def _row(name: str, one: Observation) -> str:
    ways = "  ".join(
        f"{way} p50 {delay.p50 / 1000:.2f} p99 {delay.p99 / 1000:.2f} worst {delay.worst / 1000:.1f} ms"
        for way, delay in (("up", one.up), ("down", one.down))
    )
    load = f"server {100 * one.subject_share:.0f} % of a core, generators late by {one.lag.p99 / 1000:.1f} ms (p99)"
    return f"{name:<24} {ways}  {load}, lost calls {one.lost_calls}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
