"""CPU per caller frame of each subject, in interleaved rounds, beside the bare relay of the same round."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from tests.benchmarks.measures.own_limits import say_limits
from tests.benchmarks.report import Table
from tests.benchmarks.rig import KINDS, SETTLE_S, Observation, Rig, Subject

CALLS = 50
MAX_RATIO = 2.3
MAX_IN_TURNS = 2.7
SETTLE_IN_TURNS_S = 8.0
"""Seconds after which not all calls do the same at once."""
MAX_RECORDING = 1.3
RECORDINGS = ("fixture", "audio", "fixture,audio")


def cost(rig: Rig, *, calls: int = CALLS, rounds: int | None = None, window_s: float | None = None) -> list[Table]:
    """CPU per caller frame, without TLS to the model and with it."""
    tables = []
    for tls in (False, True):
        ending = ", TLS to the model" if tls else ""
        table = Table("cost_tls" if tls else "cost", f"CPU per caller frame, {calls} calls{ending}", [])
        with ExitStack() as stack:
            subjects = [stack.enter_context(rig.subject(kind, tls=tls)) for kind in KINDS]
            ratios = compare(rig, subjects, table, calls=calls, rounds=rounds, window_s=window_s)
        table.bound("heardline beside the relay", ratios[-1], MAX_RATIO, " times")
        tables.append(table)
    return tables


def turns(rig: Rig) -> list[Table]:
    """The same where the bot speaks a third of the time, with words and all that stands around an answer."""
    table = Table("turns", f"CPU per caller frame in turn-taking, {CALLS} calls", [])
    rig.model.ask("converse", in_turns=True)
    with ExitStack() as stack:
        stack.callback(rig.model.ask, "converse", in_turns=False)
        subjects = [stack.enter_context(rig.subject(kind)) for kind in KINDS]
        settle_s = rig.seconds(SETTLE_IN_TURNS_S, SETTLE_IN_TURNS_S / 2)
        ratios = compare(rig, subjects, table, calls=CALLS, window_s=rig.seconds(12, 6), settle_s=settle_s)
    table.bound("heardline beside the relay", ratios[-1], MAX_IN_TURNS, " times")
    return [table]


def record(rig: Rig) -> list[Table]:
    """Cost of recording every call, beside recording none."""
    table = Table("record", f"CPU per caller frame with each BOT_RECORD, {CALLS} calls", [])
    with ExitStack() as stack:
        subjects = [stack.enter_context(rig.subject("heardline", record=kept)) for kept in ("", *RECORDINGS)]
        ratios = compare(rig, subjects, table, calls=CALLS)
    for kept, ratio in zip(RECORDINGS, ratios[1:], strict=True):
        table.bound(f"recording {kept}", ratio, MAX_RECORDING, " times")
    return [table]


def compare(
    rig: Rig,
    subjects: Sequence[Subject],
    table: Table,
    *,
    calls: int,
    rounds: int | None = None,
    window_s: float | None = None,
    settle_s: float = SETTLE_S,
) -> list[float]:
    """Fill `table` with a row per subject. Gives each subject's ratio to the first one: the median over the rounds."""
    rounds = rounds or (2 if rig.quick else 5)
    seen: list[list[Observation]] = [[] for _ in subjects]
    for number in range(rounds):
        for subject, observations in zip(subjects, seen, strict=True):
            rig.say(f"{table.name}: round {number + 1} of {rounds}, {subject.name}")
            observations.append(_round(rig, subject, calls, window_s or rig.seconds(4, 2), settle_s))
    table.columns = ["subject", "us per frame", f"times {subjects[0].name}", "ratios", "core %", "delay up p99 us"]
    medians = []
    for subject, observations in zip(subjects, seen, strict=True):
        ratios = [one.cost_us / first.cost_us for one, first in zip(observations, seen[0], strict=True)]
        medians.append(median(ratios))
        table.rows.append(
            [
                subject.name,
                median(one.cost_us for one in observations),
                medians[-1],
                " ".join(f"{ratio:.2f}" for ratio in sorted(ratios)),
                100 * median(one.subject_share for one in observations),
                median(one.up.p99 for one in observations),
            ]
        )
    say_limits(table, [one for observations in seen for one in observations])
    return medians


def _round(rig: Rig, subject: Subject, calls: int, window_s: float, settle_s: float) -> Observation:
    rig.open(subject, calls)
    rig.observe(subject, settle_s)
    observed = rig.observe(subject, window_s)
    rig.close()
    return observed
