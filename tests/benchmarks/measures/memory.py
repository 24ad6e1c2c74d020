"""Memory of a further call once it has lasted for a while, and whether it stays at that."""

from __future__ import annotations

from tests.benchmarks.report import Table
from tests.benchmarks.rig import Rig

FIRST_CALLS = 10
FURTHER_CALLS = 400
CALM_S = 2.0
BOUND_KIB = 90.0
GROWTH_KIB = 5.0
"""Per call in the second stretch of its life, when what is kept for a while is full: more would be a leak."""
_KIB = 1024


def memory(rig: Rig) -> list[Table]:
    """Resident memory of the process over 400 calls, and again after a while of talking."""
    stay_s = rig.seconds(60, 10)
    table = Table(
        "memory", f"Resident memory, {FURTHER_CALLS} further calls", ["moment", "calls", "MiB", "KiB per call"]
    )
    with rig.subject("heardline") as subject:
        idle = subject.process.rss_bytes()
        table.rows.append(["listening", 0, idle / _KIB**2, ""])
        rig.say(f"memory: {FIRST_CALLS} calls")
        rig.open(subject, FIRST_CALLS)
        rig.observe(subject, CALM_S)
        first = subject.process.rss_bytes()
        table.rows.append(["the first calls", FIRST_CALLS, first / _KIB**2, ""])
        rig.say(f"memory: {FURTHER_CALLS} further calls")
        rig.open(subject, FURTHER_CALLS)
        rig.observe(subject, CALM_S)
        calls = FIRST_CALLS + FURTHER_CALLS
        full = subject.process.rss_bytes()
        table.rows.append(["all calls open", calls, full / _KIB**2, (full - first) / FURTHER_CALLS / _KIB])
        rig.say(f"memory: all calls stay for {stay_s:.0f} s")
        rig.observe(subject, stay_s)
        stayed = subject.process.rss_bytes()
        each = (stayed - first) / FURTHER_CALLS / _KIB
        table.rows.append([f"{stay_s:.0f} s later", calls, stayed / _KIB**2, each])
        rig.say(f"memory: and for {stay_s:.0f} s more")
        rig.observe(subject, stay_s)
        later = subject.process.rss_bytes()
        growth = (later - stayed) / calls / _KIB
        table.rows.append([f"{stay_s:.0f} s after that", calls, later / _KIB**2, each + growth])
        rig.close()
        table.rows.append(["all calls over", 0, subject.process.rss_bytes() / _KIB**2, ""])
    table.bound(f"a further call after {stay_s:.0f} s", each, BOUND_KIB, " KiB")
    table.bound(f"growth per call in {stay_s:.0f} s more", growth, GROWTH_KIB, " KiB")
    return [table]
