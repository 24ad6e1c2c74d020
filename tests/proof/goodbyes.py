"""Calls that end for their money, whole and in virtual time, with a caller who speaks at any time.

The prices are the real ones; the cap is a few cents, so that it is reached wherever the dice put it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bot.call.call import Call
from bot.call.conversation.goodbye import PURPOSE
from bot.call.inputs import DailySpend
from bot.call.settings import CallSettings, Money
from bot.realtime.prices import load
from bot.realtime.session import SessionSettings
from bot.recording.fixture import VERSION, Fixture, FixtureLine, Header
from bot.testing.agent import Failure, Pacing, Reply, Spoken, Turn
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import LogLine, VirtualCall

MS, CENT = 1_000, 10_000_000
TABLE = load()
DATE = "2026-11-22T12:00:00+00:00"
PACING = Pacing(speed=4)
NEARLY_MS = 50
"""A caller who speaks in the last instant of the goodbye has heard it, by the ledger or by the phone alone."""
HANG_UP_US = 240_000 * MS


@dataclass(frozen=True)
class Plan:
    """One call: how long its answers are, what it may cost, when the caller speaks, and what goes wrong."""

    answers_ms: tuple[int, ...]
    speech: tuple[SpeechAt, ...]
    cents: float
    day: tuple[tuple[int, int], ...] = ()
    """(us, nano_usd): what the shell tells of the day's spending, whose cap is ten dollars."""
    barge_in: str = "on"
    failure: Failure | None = None
    delay_ms: int = 40
    interrupted_late_ms: int = 0
    """Milliseconds that the server goes on after an interruption, and so how late it knows of anything."""


@dataclass
class Outcome:
    """`faults` are things that must never happen, in words."""

    call: VirtualCall
    core: Call
    phone: SimulatedPhone
    model: SimulatedModel
    faults: list[str] = field(default_factory=list)

    @property
    def fixture(self) -> Fixture:
        return Fixture("a call", Header(VERSION, DATE, self.core.settings, masked=False), tuple(lines(self.call.log)))


def lines(log: list[LogLine]) -> Iterator[FixtureLine]:
    return (FixtureLine(line.us, line.way, msgspec.Raw(line.text.encode())) for line in log)


def tone(ms: int, number: int) -> bytes:
    """A sound by number that packs well; no part of one is in another."""
    return bytes((0x90 + number, 0x20, 0xA0, 0x30, 0x10 + number, 0xB0, 0x25, 0x95)) * ms


BYE = Spoken(tone(2_500, 0), "I have to end the call here. Goodbye.")
GREETING = Reply((Spoken(tone(1_500, 1), "Hello, who is there?"),), pacing=PACING)


class Speaker:
    """Answers, and says goodbye when it is asked for the goodbye."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._answers = [Spoken(tone(ms, n + 2), f"answer {n} " * (ms // 500)) for n, ms in enumerate(plan.answers_ms)]
        self._made = 0

    def reply(self, turn: Turn) -> Reply:
        if turn.metadata == PURPOSE:
            return Reply((BYE,), pacing=PACING, failure=self._plan.failure)
        if turn.greeting and turn.instructions:
            return GREETING
        answer = self._answers[self._made % len(self._answers)]
        self._made += 1
        return Reply((answer,), pacing=PACING)


def any_plan(rng: random.Random) -> Plan:
    """A call as the dice fall."""
    speech, at = [], rng.randint(1_000, 4_000)
    for _ in range(rng.randint(2, 14)):
        ms = rng.choice((200, 400, 900, 2_500))
        speech.append(SpeechAt(at * MS, (at + ms) * MS))
        at += ms + rng.choice((650, 1_000, 2_000, 4_000, 9_000)) + rng.randint(0, 900)
    days: tuple[tuple[int, int], ...] = ()
    if rng.random() < 0.3:
        days = tuple(
            (rng.randint(0, 40_000) * MS, cents * CENT) for cents in sorted(rng.sample((700, 850, 950, 1_000), 3))
        )
    return Plan(
        answers_ms=tuple(rng.choice((400, 1_500, 4_000, 9_000)) for _ in range(4)),
        speech=tuple(speech),
        cents=rng.choice((0.05, 0.5, 1.5, 4)),
        day=days,
        barge_in=rng.choice(("on", "on", "on", "after_greeting", "off")),
        failure=rng.choice(
            (None,) * 6 + (Failure("failed"), Failure("silent"), Failure("incomplete", 700), Failure("stalls", 900))
        ),
        delay_ms=rng.choice((0, 40, 200)),
        interrupted_late_ms=rng.choice((0, 0, 120)),
    )


RECORDED = Plan(
    answers_ms=(3_000, 5_000),
    speech=(SpeechAt(3_000 * MS, 3_900 * MS), SpeechAt(9_000 * MS, 9_900 * MS), SpeechAt(13_000 * MS, 13_700 * MS)),
    cents=1.1,
)
"""Told to wrap up after the first answer; the cap comes with the second, which the caller then cuts short."""


def run(plan: Plan) -> Outcome:
    """Run the call and judge it."""
    money = Money(
        TABLE.model("gpt-realtime-2.1"), TABLE.transcriber("gpt-transcribe"), 0, round(plan.cents * CENT), 1_000 * CENT
    )
    named: Any = plan.barge_in
    settings = CallSettings(
        session=SessionSettings(transcription_model="gpt-transcribe"), greeting="Hello.", barge_in=named, money=money
    )
    model = SimulatedModel(
        Speaker(plan),
        Behaviour(
            caller_words=("some words",) * len(plan.speech),
            transcription_usage="duration",
            cancel_after_ms=plan.interrupted_late_ms,
        ),
        speech=plan.speech,
        keep_heard=False,
        check=check_client_event,
    )
    phone = SimulatedPhone(frames=False)
    phone.hang_up(HANG_UP_US)
    core = Call(settings)
    wire = [Line(plan.delay_ms * MS) for _ in range(4)]
    call = VirtualCall(
        core, phone, model, out_line=wire[0], in_line=wire[1], model_out_line=wire[2], model_in_line=wire[3]
    )
    for at_us, nano_usd in sorted(plan.day):
        call.tell(at_us, DailySpend(nano_usd))
    call.run()
    return _judged(Outcome(call, core, phone, model))


def _judged(outcome: Outcome) -> Outcome:
    call, core, phone = outcome.call, outcome.core, outcome.phone
    outcome.faults += phone.violations + outcome.model.violations
    assert call.ended is not None
    ended_us, reason = call.ended
    reached_us = next((us for us, report in call.reports if report.event == "spend_limit_reached"), None)
    if (reached_us is None) != (reason != "spend_limit"):
        outcome.faults.append(f"ended as {reason}, limit reached at {reached_us}")
    if reached_us is None:
        return outcome
    missing_ms = (len(BYE.audio) - _heard(phone, ended_us)) / 8
    cut = any(clear.at_us > reached_us for clear in phone.clears)
    if core.goodbye.heard != (missing_ms <= NEARLY_MS) and not (cut and missing_ms <= NEARLY_MS):
        outcome.faults.append(f"{missing_ms} ms of the goodbye were not heard, and {core.goodbye.heard=}")
    if _unheard(phone, ended_us):
        outcome.faults.append("the end cut off what was being said")
    outcome.faults += _other_answers(call, reached_us)
    if ended_us - reached_us > 90_000 * MS:
        outcome.faults.append(f"it took {(ended_us - reached_us) / 1e6} s to end")
    return outcome


def _heard(phone: SimulatedPhone, at_us: int) -> int:
    """Bytes of a goodbye that the phone has played; one is never begun twice."""
    goodbye = [n for n, one in enumerate(phone.received) if one.audio in BYE.audio]
    return sum(phone.playout.heard_bytes(n, at_us) for n in goodbye)


def _unheard(phone: SimulatedPhone, at_us: int) -> int:
    """Bytes that the phone had been sent, not told to forget, and had not played when the call ended."""
    cleared = phone.clears[-1].n_received if phone.clears else 0
    left = range(cleared, len(phone.received))
    return sum(len(phone.received[n].audio) - phone.playout.heard_bytes(n, at_us) for n in left)


def _other_answers(call: VirtualCall, reached_us: int) -> list[str]:
    """Responses that were made after the cap, were not cancelled, and are no goodbye."""
    faults, cancelled = (
        [],
        {msgspec.json.decode(line.text)["response_id"] for line in call.log if '"response.cancel"' in line.text},
    )
    for line in call.log:
        if line.way == "model>bot" and line.us > reached_us and '"type":"response.created"' in line.text:
            response = msgspec.json.decode(line.text)["response"]
            if response["metadata"] != PURPOSE and response["id"] not in cancelled:
                faults.append(f"{response['id']} was made after the cap")
    return faults
