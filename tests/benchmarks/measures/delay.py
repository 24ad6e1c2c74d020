"""Delay that the bridge adds to a message's way, at rising numbers of calls, and where that becomes too much."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.measures.own_limits import say_limits
from tests.benchmarks.report import Cell, Table
from tests.benchmarks.rig import SETTLE_S, Kind, Loss, Observation, Rig, Subject
from tests.benchmarks.rig_processes import RigError

LEVELS = (1, 50, 200, 400)
LIMIT_US = 20_000
LIMIT_AT_100_US = 5_000
STEP = 50
MOST_CALLS = 2_000
_COLUMNS = ["up p50", "up p99", "up p99.9", "down p50", "down p99", "down p99.9"]


def delay(rig: Rig) -> list[Table]:
    """Delay each way, loss, and the jitter added to the model's cadence."""
    delays = Table("delay", "Delay from sending to arrival, us", ["subject", "calls", *_COLUMNS, "core %", "lost"])
    jitter = Table(
        "jitter",
        "Cadence of 200 ms messages to the phone, standard deviation in us",
        ["subject", "calls", "as sent", "as received", "received - sent", "of each message's own change"],
    )
    seen: list[Observation] = []
    kinds: tuple[Kind, ...] = ("relay", "heardline")
    for kind in kinds:
        with rig.subject(kind) as subject:
            for calls, observed in _levels(rig, subject, (*LEVELS[:2], 100, *LEVELS[2:])):
                seen.append(observed)
                spread = observed.jitter
                jitter.rows.append(
                    [
                        kind,
                        calls,
                        spread["sendings"],
                        spread["arrivals"],
                        spread["arrivals"] - spread["sendings"],
                        spread["added"],
                    ]
                )
                delays.rows.append([kind, calls, *_percentiles(observed), 100 * observed.subject_share, ""])
                if kind == "heardline":
                    _judge(delays, calls, observed)
            lost = rig.loss()
            delays.rows[-1][-1] = str(lost)
            rig.close()
        _judge_loss(delays, kind, lost)
    say_limits(delays, seen)
    return [delays, jitter]


def _levels(rig: Rig, subject: Subject, levels: tuple[int, ...]) -> Iterator[tuple[int, Observation]]:
    """Opens calls up to each level and measures there."""
    already = 0
    for calls in levels:
        rig.say(f"delay: {subject.name}, {calls} calls")
        rig.open(subject, calls - already)
        already = calls
        rig.observe(subject, SETTLE_S, lossy=True)
        yield calls, rig.steady(subject, rig.seconds(10, 3))


def _percentiles(observed: Observation) -> list[Cell]:
    up, down = observed.up, observed.down
    return [up.p50, up.p99, up.p999, down.p50, down.p99, down.p999]


def _judge(table: Table, calls: int, observed: Observation) -> None:
    limits = {100: LIMIT_AT_100_US, 400: LIMIT_US}
    if calls in limits:
        worse = max(observed.up.p99, observed.down.p99)
        table.bound(f"p99 at {calls} calls, the relay's hops and the generators included", worse, limits[calls], " us")


def _judge_loss(table: Table, kind: Kind, lost: Loss) -> None:
    verdict = "holds" if str(lost) == "nothing" else "missed"
    table.bounds.append(f"{verdict}: {kind}, from the first frame of {LEVELS[-1]} calls to their last, lost: {lost}")


def capacity(rig: Rig) -> list[Table]:
    """The delay at ever more calls, until it passes the limit or the load generators can't keep up."""
    table = Table("capacity", "Calls on one core, us", ["calls", *_COLUMNS, "core %", "generators %"])
    seen: list[Observation] = []
    good, why = 0, f"the end of the ramp at {MOST_CALLS} calls"
    with rig.subject("heardline") as subject:
        for calls in range(STEP, MOST_CALLS + 1, STEP):
            rig.say(f"capacity: {calls} calls")
            try:
                rig.open(subject, STEP, greeted=False)
            except RigError:
                why = f"calls that could not be opened any more at {calls} calls"
                break
            rig.observe(subject, SETTLE_S, lossy=True)
            observed = rig.steady(subject, rig.seconds(5, 2))
            seen.append(observed)
            table.rows.append(
                [calls, *_percentiles(observed), 100 * observed.subject_share, 100 * observed.generator_share]
            )
            if observed.limited:
                why = f"the load generators at {calls} calls: the true figure is higher"
                break
            if max(observed.up.p99, observed.down.p99) > LIMIT_US:
                why = f"p99 above {LIMIT_US // 1000} ms at {calls} calls"
                break
            if observed.lost_calls or not observed.up.count:
                why = f"{observed.lost_calls} calls that the bot ended by itself at {calls} calls"
                break
            good = calls
        rig.stop()
        rig.close()
    table.notes.append(f"{good} calls with p99 under {LIMIT_US // 1000} ms; ended by {why}")
    say_limits(table, seen)
    return [table]
