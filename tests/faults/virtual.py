"""One call in virtual time with one fault in it: a greeting, two questions, two answers, and the caller hangs up."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Literal

from bot.call.call import Call
from bot.call.inputs import Note
from bot.call.settings import CallSettings, Outgoing, ToolRules
from bot.realtime.failures import Failure
from bot.realtime.remote_server import RemoteServer
from bot.realtime.session import SEND_DIGITS_TOOL, SessionSettings
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.network.line import Line
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import VirtualCall
from bot.twilio.playout import Stall
from tests.faults.heard import UNHARMED
from tests.faults.outcome import MS, Outcome, Sound, in_words, sounds, tone

PACING = Pacing(speed=4)
CALLER = bytes((0x10, 0x90)) * 80
"""A frame of the caller's voice."""
OPENS_MS = 150
"""Milliseconds from a dial to an open session."""
GREETING, FIRST, SECOND, THIRD = (Spoken(tone(ms, n), f"text {n}") for n, ms in enumerate((1_000, 3_000, 2_000, 1_500)))
SOUNDS = {
    "greeting": GREETING.audio,
    "answer 1": FIRST.audio,
    "answer 2": SECOND.audio,
    "answer 3": THIRD.audio,
    "filler": tone(800, 90),
    "apology": tone(1_200, 91),
}
REPLIES = tuple(Reply((one,), pacing=PACING) for one in (GREETING, FIRST, SECOND, THIRD))
TOLD = frozenset({"model_unavailable", "internal_error", "line_lost", "drained"})
"""Ends after which the caller hears a sentence by TwiML, or another stream carries the call on."""

Spoil = Callable[[list[str]], list[str]]


class SpoiledPhone(SimulatedPhone):
    """A phone whose messages are spoilt on their way."""

    spoil: Spoil = staticmethod(lambda texts: texts)

    def due(self, now_us: int) -> list[str]:
        return self.spoil(super().due(now_us))


FOUND = '{"result": "found"}'
"""Answer of each tool."""


@dataclass(frozen=True)
class Plan:
    """Times in ms from the webhook; the stream opens at 300.

    `waits_from`: from when the caller waits for a sound because of the fault; None: they notice nothing.
    `sessions`: how each session behaves, the last one also what follows it. `refused`: dials that
    fail before one is answered. `forgives`: complaints of the model that are the fault itself.
    """

    waits_from: float | None
    sessions: tuple[Behaviour, ...] = (Behaviour(),)
    replies: tuple[Reply, ...] = REPLIES
    speech: tuple[tuple[int, int], ...] = ((3_000, 600), (9_000, 600))
    hang_up: int = 14_000
    spoil: Spoil | None = None
    stalls: tuple[Stall, ...] = ()
    notes: tuple[tuple[int, Note], ...] = ()
    refused: int = 0
    barge_in: Literal["on", "after_greeting"] = "on"
    ended: str = "caller_hung_up"
    apart: str = ""
    n_sessions: int = 1
    idle_s: float = 0.0
    most_s: float = 0.0
    """The longest that the call may last; 0: as long as it likes."""
    outgoing: Outgoing | None = None
    """The call is one that we make."""
    tools: tuple[ToolRules, ...] = ()
    answers_after_ms: int | None = None
    """Time that each tool takes; None: for ever."""
    servers: tuple[RemoteServer, ...] = ()
    """Remote servers whose tools the model may use."""
    keys: tuple[tuple[int, str], ...] = ()
    """Keys that the caller presses, aloud, and from when on."""
    sends_digits: bool = False
    """The model may; the stream is opened again where `reopened`."""
    reopened: bool = False


def run(plan: Plan, expected: str) -> Outcome:
    """Run the call and judge it against its plan and what is to be heard in it."""
    settings = CallSettings(
        greeting="Hello.",
        filler_audio=_payload("filler"),
        apology_audio=_payload("apology"),
        barge_in=plan.barge_in,
        idle_s=plan.idle_s,
        max_call_s=plan.most_s,
        outgoing=plan.outgoing,
        tools=plan.tools,
        session=SessionSettings(
            transcription_model="gpt-transcribe" if plan.outgoing else "",
            tools=(SEND_DIGITS_TOOL,) if plan.sends_digits else (),
            servers=plan.servers,
        ),
    )
    agent, number, refusals = ScriptedAgent(plan.replies), count(), count()
    models: list[SimulatedModel] = []

    def session_at(now_us: int) -> SimulatedModel:
        n = next(number)
        behaviour = plan.sessions[min(n, len(plan.sessions) - 1)]
        models.append(SimulatedModel(agent, behaviour, opens_us=now_us, check=check_client_event, name=f"s{n}_"))
        return models[-1]

    def redial(now_us: int) -> SimulatedModel | Failure:
        if next(refusals) < plan.refused:
            return Failure("unreachable", 503, "not now")
        return session_at(now_us + OPENS_MS * MS)

    phone = SpoiledPhone()
    if plan.spoil is not None:
        phone.spoil = plan.spoil
    for from_ms, ms in plan.speech:
        phone.say(CALLER * (ms // 20), from_ms * MS)
    for at_ms, keys in plan.keys:
        phone.press_loudly(keys, at_ms * MS)
    after = SimulatedPhone(StreamIds(stream_sid="MZ" + "2" * 32)) if plan.reopened else None
    (after or phone).hang_up(plan.hang_up * MS)
    takes_ms = plan.answers_after_ms
    answers = {} if takes_ms is None else {one.name: (takes_ms * MS, FOUND) for one in plan.tools}
    call = VirtualCall(
        Call(settings),
        phone,
        session_at(0),
        out_line=Line(stalls=plan.stalls),
        redial=redial,
        settings=settings,
        tools=answers,
        more_phones=[after] if after else (),
    )
    for at_ms, note in plan.notes:
        call.tell(at_ms * MS, note)
    call.run((plan.hang_up + 30_000) * MS)
    return _judged(plan, expected, call, phone, models)


def _judged(
    plan: Plan, expected: str, call: VirtualCall, phone: SimulatedPhone, models: list[SimulatedModel]
) -> Outcome:
    heard = sounds(phone, SOUNDS)
    if call.phone is not phone:
        heard += sounds(call.phone, SOUNDS)
    ended_us, ended = call.ended or (0, "not at all")
    if ended in TOLD:
        heard.append(Sound("sentence by TwiML", ended_us / MS, ended_us / MS))
    outcome = Outcome(heard, plan.waits_from, ended, plan.apart)
    outcome.wrong += phone.violations
    outcome.wrong += [fault for model in models for fault in model.violations]
    if ended != plan.ended:
        outcome.wrong.append(f"ended as {ended}, not {plan.ended}")
    if len(models) != plan.n_sessions:
        outcome.wrong.append(f"{len(models)} sessions, not {plan.n_sessions}")
    if in_words(heard) != expected:
        outcome.wrong.append(f"not heard as written: {expected}")
    if plan.waits_from is None and in_words(heard) != UNHARMED:
        outcome.wrong.append("a fault that is to go unnoticed is noticed")
    return outcome


def _payload(name: str) -> str:
    return base64.b64encode(SOUNDS[name]).decode()
