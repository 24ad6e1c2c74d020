"""Delay from the webhook to the first sound, one call at a time and a hundred within a second."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.report import Table
from tests.benchmarks.rig import SETTLE_S, Rig
from tests.benchmarks.summaries import summary

WARM_US = 5_000
EXCESS_US = 10_000
STORM_CALLS = 100
STORM_US = 100_000
STORM_EXCESS_US = 100_000


@dataclass(frozen=True)
class Case:
    """`connect_s`: from webhook to stream, Twilio's own time. `model_s`: from response.create to the first audio."""

    name: str
    connect_s: float
    model_s: float


CASES = (
    Case("warm: the greeting waits for the stream", 0.4, 0.05),
    Case("the model is slower than the stream", 0.1, 0.4),
    Case("both at the same time", 0.3, 0.28),
)


def opening(rig: Rig) -> list[Table]:
    """Greetings of calls that come one after the other."""
    table = Table(
        "opening",
        "Webhook and greeting, us",
        ["case", "calls", "answered p50", "answered p99", "start to greeting p50", "p99", "past the slower p50", "p99"],
    )
    calls = 10 if rig.quick else 100
    for case in CASES:
        rig.say(f"opening: {case.name}")
        with rig.subject("heardline") as subject:
            rig.open(subject, 2, over_s=0.5)
            rig.model.ask("pace", first_audio_s=case.model_s)
            times = rig.open(subject, calls, over_s=calls / 10, connect_s=case.connect_s)
            rig.observe(subject, SETTLE_S)
            rig.close()
        answered, greeting, excess = (summary(times[name]) for name in ("answered", "greeting", "excess"))
        table.rows.append(
            [case.name, calls, answered.p50, answered.p99, greeting.p50, greeting.p99, excess.p50, excess.p99]
        )
        if case is CASES[0]:
            table.bound(
                "start sent to first greeting byte, p99, warm, both hops included", greeting.p99, WARM_US, " us"
            )
        table.bound(f"greeting past the slower side, p99, {case.name}", excess.p99, EXCESS_US, " us")
    table.notes.append("calls arrive ten a second and stay open; two earlier ones have warmed the process up")
    return [table]


def storm(rig: Rig) -> list[Table]:
    """A hundred calls within one second."""
    table = Table(
        "storm",
        f"{STORM_CALLS} calls within one second, us",
        [
            "subject",
            "answered p50",
            "answered p99",
            "start to greeting p50",
            "p99",
            "past the slower p50",
            "worst",
            "greeted",
            "refused",
            "CPU a call",
        ],
    )
    rig.say(f"storm: {STORM_CALLS} calls")
    with rig.subject("heardline") as subject:
        before_ns = subject.process.cpu_ns()
        times = rig.open(subject, STORM_CALLS, over_s=1.0)
        cpu_us = (subject.process.cpu_ns() - before_ns) / 1000 / STORM_CALLS
        rig.observe(subject, SETTLE_S)
        rig.close()
    answered, greeting, excess = (summary(times[name]) for name in ("answered", "greeting", "excess"))
    table.rows.append(
        [
            subject.name,
            answered.p50,
            answered.p99,
            greeting.p50,
            greeting.p99,
            excess.p50,
            excess.worst,
            greeting.count,
            times["failures"],
            cpu_us,
        ]
    )
    table.bound("answering /voice, p99", answered.p99, STORM_US, " us")
    table.bound("the slowest greeting past the slower of line and model", excess.worst, STORM_EXCESS_US, " us")
    table.bound("calls not greeted", STORM_CALLS - greeting.count, 0)
    table.notes.append("the process is fresh: its first call is among them")
    table.notes.append("CPU of all threads until the last call is greeted, the frames of those before it included")
    return [table]
