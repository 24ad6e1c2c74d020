"""Whole calls in virtual time, each for one thing that the eight situations do not meet, as `tests.proof.fixtures` keeps them.

Tones instead of noise, which pack well, and words without digits.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.call.call import Call
from bot.call.handoff.transfer import TRANSFER_CALL
from bot.call.inputs import HandBack, Note, OperatorAudio, TakeOver
from bot.call.settings import CallSettings, SecretRules, ToolRules
from bot.call.transcript.past_turns import PastTurn
from bot.realtime.session import END_CALL, SEND_DIGITS_TOOL, SessionSettings
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, ToolCall
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.client_event_schema import check_client_event
from bot.testing.virtual.scheduler import LogLine, VirtualCall
from tests.proof import broken_answers, goodbyes, lost_sessions_in_calls
from tests.proof.goodbyes import tone

MS = 1_000
VOICE = bytes((0x10, 0x90)) * 80
"""A frame of the caller's."""
PACING = Pacing(speed=4)
SLOW = Pacing(speed=1.2)
"""Still being generated when the caller cuts in."""
GREETING = Reply((Spoken(tone(2_000, 1), "Hello, this is the workshop."),), pacing=PACING)
LONG = Reply(
    (Spoken(tone(6_000, 2), "We open at nine in the morning and close at five in the afternoon."),), pacing=SLOW
)
SHORT = Reply((Spoken(tone(2_500, 3), "On Sundays we are closed."),), pacing=PACING)
BYE = Reply((Spoken(tone(1_500, 4), "Goodbye."),), (ToolCall(END_CALL),), pacing=PACING)
ASKS, CUTS_IN = SpeechAt(4_000 * MS, 4_600 * MS), SpeechAt(8_000 * MS, 8_900 * MS)

Recorded = tuple[CallSettings, list[LogLine]]
"""The settings and log that a fixture is made of."""


@dataclass(frozen=True)
class Scene:
    """One call, and where its name says what happens in it.

    With `says`, from when to when in ms, the caller's own audio is on the line; `speech` is told by the model without.
    """

    name: str
    settings: CallSettings
    replies: Sequence[Reply]
    speech: Sequence[SpeechAt] = ()
    hang_up_ms: int = 20_000
    says: tuple[int, int] | None = None
    ready_ms: int = 0
    """Milliseconds by which the session is ready later than it could be."""
    tool_ms: int = 0
    """Milliseconds that each tool of the settings takes."""
    keys: tuple[tuple[int, str], ...] = ()
    """Keys that the caller presses, aloud, and from when on, in ms."""
    reopened: bool = False
    """The stream is opened again when it was left."""
    operator: tuple[tuple[int, Note], ...] = ()
    """What the operator's page tells the call, and when, in ms."""

    def run(self) -> Recorded:
        model = SimulatedModel(
            ScriptedAgent(self.replies),
            Behaviour(
                caller_words=("When are you open?",) * len(self.speech),
                transcription_after_ms=400,
                updated_after_ms=self.ready_ms,
            ),
            speech=self.speech,
            check=check_client_event,
            keep_heard=False,
        )
        phone = SimulatedPhone(frames=self.says is not None or bool(self.keys))
        after = SimulatedPhone(StreamIds(stream_sid="MZ" + "2" * 32), frames=False) if self.reopened else None
        if self.says is not None:
            from_ms, until_ms = self.says
            phone.say(VOICE * ((until_ms - from_ms) // 20), from_ms * MS)
        for at_ms, keys in self.keys:
            phone.press_loudly(keys, at_ms * MS)
        (after or phone).hang_up(self.hang_up_ms * MS)
        tools = {one.name: (self.tool_ms * MS, '{"free": [19, 20]}') for one in self.settings.tools}
        call = VirtualCall(
            Call(self.settings),
            phone,
            model,
            out_line=Line(40 * MS),
            in_line=Line(40 * MS),
            tools=tools,
            checks=dict.fromkeys(self.settings.destinations, (300 * MS, "")),
            more_phones=[after] if after else (),
        )
        for at_ms, note in self.operator:
            call.tell(at_ms * MS, note)
        call.run()
        assert not phone.violations, phone.violations
        assert not model.violations, model.violations
        assert call.ended is not None, self.name
        return self.settings, call.log


def _settings(**more: object) -> CallSettings:
    listens = SessionSettings(transcription_model="gpt-transcribe")
    return CallSettings(**{"session": listens, "greeting": "Hello.", **more})  # type: ignore[arg-type]


def _sound(ms: int, number: int) -> str:
    return base64.b64encode(tone(ms, number)).decode()


def _speaks(from_ms: int, until_ms: int) -> tuple[tuple[int, Note], ...]:
    """An operator's microphone, by frames of 20 ms."""
    frame = OperatorAudio(_sound(20, 6))
    return tuple((at_ms, frame) for at_ms in range(from_ms, until_ms, 20))


WISH = '{"destination": "sales", "summary": "They want a boat."}'
SCENES = (
    Scene("barge-in-off", _settings(barge_in="off"), (GREETING, LONG, SHORT), (ASKS, CUTS_IN)),
    Scene("cut-where-the-turns-are-ours", _settings(barge_in="after_greeting"), (GREETING, LONG, SHORT), (ASKS, CUTS_IN)),
    Scene("greeting-that-may-not-be-cut", _settings(barge_in="after_greeting"), (GREETING, SHORT), (SpeechAt(1_200 * MS, 1_900 * MS),), 12_000),
    Scene("early-speech", _settings(), (GREETING, SHORT), (SpeechAt(350 * MS, 700 * MS),), 12_000),
    Scene("greeting-cut-short", _settings(), (GREETING, SHORT), (SpeechAt(1_700 * MS, 2_600 * MS),), 12_000),
    Scene(
        "announcement",
        _settings(announcement="This call is recorded.", announcement_audio=_sound(2_000, 7)),
        (GREETING, SHORT),
        (SpeechAt(1_000 * MS, 1_500 * MS),),
        14_000,
    ),
    Scene(
        "announcement-and-recorded-greeting",
        _settings(
            announcement="This call is recorded.",
            announcement_audio=_sound(1_200, 7),
            greeting_audio=_sound(1_800, 8),
        ),
        (SHORT,),
        (ASKS,),
        9_000,
    ),
    Scene("words-before-the-session-is-ready", _settings(), (GREETING, SHORT), (), 9_000, (400, 700), 900),
    Scene("recorded-greeting", _settings(greeting_audio=_sound(1_800, 8)), (SHORT,), (ASKS,), 12_000),
    Scene("bot-hangs-up", _settings(), (GREETING, BYE), (ASKS,), 30_000),
    Scene("idle", _settings(idle_s=4.0), (GREETING, SHORT, SHORT, BYE), (), 60_000),
    Scene(
        "a-tool-while-the-caller-speaks",
        _settings(tools=(ToolRules("look_up"),), filler_audio=_sound(400, 9)),
        (GREETING, Reply(tool_calls=(ToolCall("look_up", '{"day": "friday"}'),), pacing=PACING), SHORT, SHORT),
        (ASKS, SpeechAt(7_000 * MS, 7_900 * MS)),
        16_000,
        tool_ms=2_500,
    ),
    Scene("keys-gathered", _settings(), (GREETING, LONG, SHORT), (ASKS,), 16_000, keys=((7_000, "4711#"),)),
    Scene(
        "digits-for-a-tool-alone",
        _settings(tools=(ToolRules("pay", secret=SecretRules(least=4, most=16)),)),
        (GREETING, Reply(SHORT.items, (ToolCall("pay", '{"amount": 5}'),), pacing=PACING), SHORT),
        (ASKS,),
        18_000,
        keys=((8_000, "49291837#77"),),
        tool_ms=500,
    ),
    Scene(
        "digits-sent",
        _settings(session=SessionSettings(transcription_model="gpt-transcribe", tools=(SEND_DIGITS_TOOL,))),
        (GREETING, Reply(SHORT.items, (ToolCall("send_digits", '{"digits": "1w2#"}'),), pacing=PACING), SHORT),
        (ASKS,),
        18_000,
        reopened=True,
    ),
    Scene(
        "taken-over-and-handed-back",
        _settings(),
        (GREETING, LONG, SHORT),
        (ASKS, SpeechAt(9_000 * MS, 9_700 * MS)),
        18_000,
        (9_000, 9_700),
        operator=((7_000, TakeOver("console")), *_speaks(7_000, 11_000), (11_000, HandBack())),
    ),
    Scene(
        "put-through",
        _settings(destinations=("sales",)),
        (GREETING, Reply(tool_calls=(ToolCall(TRANSFER_CALL, WISH),), pacing=PACING), SHORT),
        (ASKS,),
        16_000,
    ),
    Scene(
        "put-through-and-spoken-over",
        _settings(destinations=("sales",)),
        (GREETING, Reply(tool_calls=(ToolCall(TRANSFER_CALL, WISH),), pacing=PACING), SHORT, SHORT),
        (ASKS, SpeechAt(7_000 * MS, 7_900 * MS)),
        16_000,
    ),
    Scene(
        "back-from-a-transfer",
        _settings(
            resume=(PastTurn(1, "bot", "Hello."), PastTurn(2, "caller", "A person, please.")),
            told="The caller was being transferred to sales, but nobody answered there.",
            elapsed_s=30.0,
        ),
        (SHORT, SHORT),
        (ASKS,),
        12_000,
    ),
    Scene(
        "carried-on",
        _settings(resume=(PastTurn(1, "bot", "Hello."), PastTurn(2, "caller", "When are you open?")), elapsed_s=30.0),
        (SHORT, SHORT),
        (ASKS,),
        12_000,
    ),
)  # fmt: skip


def _money() -> Recorded:
    outcome = goodbyes.run(goodbyes.RECORDED)
    assert not outcome.faults, outcome.faults
    return outcome.core.settings, outcome.call.log


def _second_try() -> Recorded:
    call = broken_answers.run()
    assert isinstance(call.core, Call)
    return call.core.settings, call.log


def _replaced(plan: lost_sessions_in_calls.Plan) -> Recorded:
    outcome = lost_sessions_in_calls.run(plan)
    assert not outcome.faults, outcome.faults
    return outcome.core.settings, outcome.call.log


def scenes() -> dict[str, Callable[[], Recorded]]:
    """Every scene by the name of its fixture."""
    found: dict[str, Callable[[], Recorded]] = {scene.name: scene.run for scene in SCENES}
    found["ended-for-its-money"] = _money
    found["answered-at-the-second-try"] = _second_try
    found["session-replaced"] = lambda: _replaced(lost_sessions_in_calls.RECORDED)
    found["session-replaced-twice"] = lambda: _replaced(lost_sessions_in_calls.RECORDED_TWICE)
    return found
