"""Goodbyes that the model says before it hangs up, or transfers: each is heard to its last byte, on any line.

In virtual time: a hundred calls with delays of 0 to 80 ms each way, some with jitter, generated quicker or slower than
it plays, with the function called before, in the middle of, or behind the goodbye's audio.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from bot.call.call import Call
from bot.call.handoff.transfer import TRANSFER_CALL
from bot.call.settings import CallSettings
from bot.realtime.session import END_CALL
from bot.testing.agent import Pacing, Reply, Spoken, ToolCall, Turn
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import VirtualCall
from tests.proof.goodbyes import tone

MS = 1_000
MOST_DELAY_MS = 80
LATE_MS = 3_000
"""A call that ends later than this after the last byte was heard leaves its caller on a dead line."""


@dataclass(frozen=True)
class Plan:
    """One call. `transfers`: to a person, not to the end; `promised`: what is said comes with the function's call."""

    delay_ms: int
    jitter_ms: int
    goodbye_ms: int
    speed: float
    transfers: bool
    promised: bool
    check_ms: int
    """Time that it takes to find out if the destination is free."""
    seed: int


def any_plan(seed: int) -> Plan:
    """The plan of a seed; the delays of a hundred of them cover all of 0 to 80 ms."""
    rng = random.Random(seed)
    return Plan(
        delay_ms=seed * 7 % (MOST_DELAY_MS + 1),
        jitter_ms=rng.choice((0, 0, 5, 10)),
        goodbye_ms=rng.choice((50, 400, 1_500, 6_000)),
        speed=rng.choice((0, 1.0, 4.0)),
        transfers=seed % 2 == 1,
        promised=rng.random() < 0.5,
        check_ms=rng.choice((0, 40, 1_900)),
        seed=seed,
    )


class Leaver:
    """Says goodbye and hangs up, or transfers, at the caller's first turn."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.goodbye = Spoken(tone(plan.goodbye_ms, plan.seed % 50), "Goodbye then.")

    def reply(self, turn: Turn) -> Reply:
        plan = self._plan
        asked = ToolCall(TRANSFER_CALL, '{"destination": "sales", "summary": "A boat."}', "call_bye")
        pacing = Pacing(speed=plan.speed)
        if turn.tool_outputs:
            return Reply((self.goodbye,), pacing=pacing)
        if plan.transfers:
            return Reply((self.goodbye,) if plan.promised else (), (asked,), pacing=pacing)
        return Reply((self.goodbye,), (ToolCall(END_CALL),), pacing=pacing)


@dataclass(frozen=True)
class Outcome:
    """End of a call: its reason, what of the goodbye was not heard then, and how long after its last byte that was."""

    plan: Plan
    reason: str
    unheard_bytes: int
    late_ms: float
    violations: tuple[str, ...]

    @property
    def good(self) -> bool:
        expected = "transferred" if self.plan.transfers else "bot_hung_up"
        in_time = 0 <= self.late_ms <= LATE_MS
        return self.reason == expected and not self.unheard_bytes and in_time and not self.violations


def run(plan: Plan) -> Outcome:
    """Run a call to its end."""
    speaker = Leaver(plan)
    model = SimulatedModel(
        speaker,
        Behaviour(caller_words=("Goodbye.",)),
        speech=(SpeechAt(500 * MS, 1_000 * MS),),
        keep_heard=False,
        check=check_client_event,
    )
    phone = SimulatedPhone(frames=False)
    phone.hang_up(60_000 * MS)
    core = Call(CallSettings(destinations=("sales",)))
    rngs = [random.Random(f"{plan.seed} {way}") for way in range(4)]
    lines = [Line(plan.delay_ms * MS, plan.jitter_ms * MS, rng) for rng in rngs]
    call = VirtualCall(
        core,
        phone,
        model,
        out_line=lines[0],
        in_line=lines[1],
        model_out_line=lines[2],
        model_in_line=lines[3],
        checks={"sales": (plan.check_ms * MS, "")},
    )
    call.run()
    assert call.ended is not None
    ended_us, reason = call.ended
    heard = phone.playout.heard_total_bytes(ended_us)
    last_us = max((run.end_us for run in phone.playout.runs), default=0)
    violations = (*phone.violations, *model.violations)
    return Outcome(plan, reason, len(speaker.goodbye.audio) - heard, (ended_us - last_us) / MS, violations)


def tally(n: int = 100) -> list[Outcome]:
    return [run(any_plan(seed)) for seed in range(n)]


HEADER = f"{'then':<13}{'delay ms':<10}{'calls':>6}{'heard whole':>13}{'ended after the last byte, ms':>32}"


def rows(found: list[Outcome]) -> list[str]:
    """A line for each way to leave and each twenty milliseconds of delay."""
    lines = []
    for reason in ("bot_hung_up", "transferred"):
        for first in range(0, MOST_DELAY_MS, 20):
            last = first + 20 if first + 20 == MOST_DELAY_MS else first + 19
            some = [one for one in found if one.reason == reason and first <= one.plan.delay_ms <= last]
            late = sorted(one.late_ms for one in some)
            whole = sum(not one.unheard_bytes for one in some)
            between = f"{late[0]:.0f} to {late[-1]:.0f}" if late else "-"
            lines.append(f"{reason:<13}{f'{first} to {last}':<10}{len(some):>6}{whole:>13}{between:>32}")
    return lines
