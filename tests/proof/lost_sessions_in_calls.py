"""Whole calls in virtual time whose session dies, again and again: what the caller hears and what the next is told.

The simulated session finds the caller's speech in their audio, so that what it hears is what it was sent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import msgspec

from bot.call.call import Call
from bot.call.session.failover import OUTAGE_US
from bot.call.settings import CallSettings
from bot.call.transcript.past_turns import CARRY_ON
from bot.realtime.failures import Failure
from bot.realtime.session import SessionSettings
from bot.recording.fixture import VERSION, Fixture, FixtureLine, Header
from bot.testing.agent import Pacing, Reply, Spoken, Turn
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, CloseAt, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import LogLine, VirtualCall

MS = 1_000
DATE = "2026-11-22T12:00:00+00:00"
PACING = Pacing(speed=3)
CALLER = bytes((0x10, 0x90)) * 80
"""A frame of the caller's voice: loud, and packs well."""
OPENS_MS = 150
"""Milliseconds from a dial to an open session."""


@dataclass(frozen=True)
class Plan:
    """Times in ms. `speech`: from when and how long the caller speaks; `deaths`: when the present session dies.

    `refused`: how many dials fail after each death, `code` how it dies, `transcribes` whether their words are known.
    """

    speech: tuple[tuple[int, int], ...] = ((3_000, 1_000), (12_000, 1_000))
    deaths: tuple[int, ...] = ()
    code: int = 1006
    refused: int = 0
    transcribes: bool = True
    greets: bool = True
    filler: bool = False
    hang_up_ms: int = 25_000
    delay_ms: int = 20
    answer_ms: int = 3_000


class Speaker:
    """Answers with something new each time; all sessions of a call have one speaker."""

    def __init__(self, answer_ms: int) -> None:
        self._answer_ms = answer_ms
        self.made: list[Spoken] = []

    def reply(self, turn: Turn) -> Reply:
        number = len(self.made)
        self.made.append(Spoken(tone(self._answer_ms, number), f"answer {word(number)} in so many words"))
        return Reply((self.made[-1],), pacing=PACING)


def word(number: int) -> str:
    """A word for a number: digits would be masked in a fixture."""
    return number.to_bytes(2).hex().translate(str.maketrans("0123456789", "ghijklmnop"))


def tone(ms: int, number: int) -> bytes:
    """A sound by number that packs well; no part of one is in another."""
    return bytes((0x81 + number % 100, 0x20, 0xA0, 0x30, 0x02 + number // 100, 0xB0, 0x25, 0x95)) * ms


@dataclass
class Outcome:
    """`faults` are things that must never happen, in words."""

    call: VirtualCall
    core: Call
    phone: SimulatedPhone
    models: list[SimulatedModel]
    plan: Plan
    faults: list[str] = field(default_factory=list)

    @property
    def fixture(self) -> Fixture:
        return Fixture("a call", Header(VERSION, DATE, self.core.settings, masked=False), tuple(lines(self.call.log)))

    def reported(self, event: str) -> list[float]:
        """Times at which this was reported, in ms."""
        return [us / MS for us, report in self.call.reports if report.event == event]

    def heard(self) -> list[tuple[float, float]]:
        """Begin and end of each sound that the caller heard, in ms."""
        return [(run.start_us / MS, run.end_us / MS) for run in self.phone.playout.runs]


def lines(log: list[LogLine]) -> Iterator[FixtureLine]:
    return (FixtureLine(line.us, line.way, msgspec.Raw(line.text.encode()), line.socket) for line in log)


def run(plan: Plan) -> Outcome:
    """Run the call and judge it."""
    session = SessionSettings(transcription_model="gpt-transcribe" if plan.transcribes else "")
    sound = "" if not plan.filler else base64_of(tone(800, 90))
    settings = CallSettings(session=session, greeting="Hello." if plan.greets else "", filler_audio=sound)
    speaker, models, refusals, number = Speaker(plan.answer_ms), [], [0], count()

    def session_at(now_us: int) -> SimulatedModel:
        death_ms = next((at for at in plan.deaths if at * MS > now_us), None)
        closes = None if death_ms is None else CloseAt(death_ms * MS, plan.code, "")
        said = ("what the caller said",) * (len(plan.speech) + 3)
        models.append(
            SimulatedModel(
                speaker,
                Behaviour(caller_words=said, transcription_after_ms=400, closes=closes),
                opens_us=now_us,
                check=check_client_event,
                name=f"s{next(number)}_",
            )
        )
        refusals[0] = plan.refused
        return models[-1]

    def redial(now_us: int) -> SimulatedModel | Failure:
        if refusals[0]:
            refusals[0] -= 1
            return Failure("unreachable", 503, "not now")
        return session_at(now_us + OPENS_MS * MS)

    phone = SimulatedPhone()
    for from_ms, ms in plan.speech:
        phone.say(CALLER * (ms // 20), from_ms * MS)
    phone.hang_up(plan.hang_up_ms * MS)
    core = Call(settings)
    first = session_at(0)
    wire = [Line(plan.delay_ms * MS) for _ in range(4)]
    call = VirtualCall(
        core,
        phone,
        first,
        out_line=wire[0],
        in_line=wire[1],
        model_out_line=wire[2],
        model_in_line=wire[3],
        redial=redial,
        settings=settings,
    )
    call.run(plan.hang_up_ms * MS + 30_000 * MS)
    return _judged(Outcome(call, core, phone, models, plan))


def base64_of(audio: bytes) -> str:
    return msgspec.json.encode(audio).decode().strip('"')


def _judged(outcome: Outcome) -> Outcome:
    outcome.faults += outcome.phone.violations
    for number, model in enumerate(outcome.models):
        outcome.faults += [f"session {number}: {fault}" for fault in model.violations]
        if number:
            outcome.faults += [f"session {number}: {fault}" for fault in _told(model, outcome.plan)]
    ended_us, reason = outcome.call.ended or (0, None)
    in_vain = reason == "model_unavailable" and ended_us / MS - outcome.reported("session_lost")[-1] >= OUTAGE_US / MS
    if reason != "caller_hung_up" and not in_vain:
        outcome.faults.append(f"ended as {outcome.call.ended}")
    outcome.faults += _unheard(outcome)
    return outcome


def _told(model: SimulatedModel, plan: Plan) -> list[str]:
    """Faults in what a session that took over was told."""
    faults, roles = [], []
    for entry in model.conversation:
        parts = entry.body.get("content", [])
        roles.append(entry.role)
        for part in parts:
            text = part.get("text", "")
            if entry.role == "system" and text != CARRY_ON:
                faults.append(f"a system item says {text!r}")
            if entry.role == "user" and part["type"] == "input_text" and text != "what the caller said":
                faults.append(f"the caller is made to say {text!r}")
            if entry.role == "assistant" and not text.startswith("answer"):
                faults.append(f"the bot is made to say {text!r}")
    told = any(entry.id.startswith(("said_", "heard_")) for entry in model.conversation)
    if not told <= roles.count("system") <= 1:
        faults.append(f"{roles.count('system')} instructions to carry on")
    return faults


def _unheard(outcome: Outcome) -> list[str]:
    """Audio that was made, not cut by the caller, and never handed to the phone."""
    handed = b"".join(one.audio for one in outcome.phone.received)
    faults, last = [], 0
    if not outcome.phone.clears:
        for model in outcome.models:
            for response in model.responses:
                for output in response.outputs:
                    audio = model.spoken(output.item_id)
                    arrived = model.closed is None or model.closed[0] != 1006
                    at = handed.find(audio, last)  # in the order in which it was made, as a rule
                    last = max(at, last)
                    if at < 0 and audio not in handed and arrived and response.status == "completed":
                        faults.append(f"{len(audio) // 8} ms of {output.item_id} were made and not heard")
    return faults


def any_plan(rng: random.Random) -> Plan:
    """A call as the dice fall."""
    speech, at = [], rng.randrange(1_000, 4_000, 20)
    for _ in range(rng.randint(1, 5)):
        ms = rng.choice((300, 1_000, 2_500, 6_000))
        speech.append((at, ms))
        at += ms + rng.choice((800, 2_000, 5_000))
    hang_up = at + 12_000
    deaths = sorted(rng.sample(range(500, hang_up - 9_000), rng.randint(1, 4)))
    return Plan(
        speech=tuple(speech),
        deaths=tuple(deaths),
        code=rng.choice((1001, 1006, 1011, 1012)),
        refused=rng.choice((0, 0, 1, 2)),
        transcribes=rng.random() < 0.7,
        greets=rng.random() < 0.8,
        filler=rng.random() < 0.5,
        hang_up_ms=hang_up,
        delay_ms=rng.choice((0, 20, 120)),
        answer_ms=rng.choice((600, 3_000, 9_000)),
    )


def talk(
    hours: float, *, every_ms: int, answer_ms: int, check: Callable[[str], None] | None = check_client_event
) -> Outcome:
    """A call in which somebody speaks nearly always, and no session dies before its hour.

    The caller's speech is scripted: there are no frames, so that hours pass in seconds.
    """
    end_us = round(hours * 3_600_000_000)
    speech = [SpeechAt(us, us + 900 * MS) for us in range(5_000 * MS, end_us - 20_000 * MS, every_ms * MS)]
    settings = CallSettings(session=SessionSettings(transcription_model="gpt-transcribe"), max_call_s=0)
    speaker, models = Speaker(answer_ms), []

    def session_at(now_us: int) -> SimulatedModel:
        models.append(
            SimulatedModel(
                speaker,
                Behaviour(caller_words=("what the caller said",) * len(speech), transcription_after_ms=400),
                speech=[one for one in speech if one.start_us > now_us],
                opens_us=now_us,
                keep_heard=False,
                check=check,
                name=f"s{len(models)}_",
            )
        )
        return models[-1]

    phone = SimulatedPhone(frames=False)
    phone.hang_up(end_us)
    core = Call(settings)
    call = VirtualCall(core, phone, session_at(0), redial=session_at, settings=settings)
    call.run(end_us + 1_000_000)
    return _judged(Outcome(call, core, phone, models, Plan()))


RECORDED = Plan(speech=((3_000, 800), (8_000, 600)), deaths=(5_300,), hang_up_ms=13_000)
"""The session dies in the middle of an answer, and the caller cuts the next one short."""

RECORDED_TWICE = Plan(speech=((3_000, 800), (9_500, 600)), deaths=(5_300, 10_500), refused=1, hang_up_ms=18_000)
"""The first session dies in the middle of an answer, the second while the caller speaks; each first dial fails."""
