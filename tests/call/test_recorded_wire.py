"""Recorded messages of servers, sent through a call: where it stands in the end, and what it took for what."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from bot.call.call import Call
from bot.call.inputs import Refused, Tick, ToolDone
from bot.call.outputs import Output, RunTool, Transcode
from bot.call.settings import CallSettings, ToolRules
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import END_CALL, SessionSettings
from bot.realtime.transcoder import Transcoder
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, ToolCall, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import SimulatedModel
from bot.testing.virtual.scheduler import VirtualCall
from bot.twilio import stream
from tests.call.scripted_call import MS, echo, frame, start
from tests.recordings import Recording, each_recording, recording

APPEND_MS = 100
SETTLES_MS = 3_000
FOGGY = '{"result": "foggy"}'


class Played:
    """A call to which a recorded session says what it said, while the phone plays all that it gets at once."""

    def __init__(self, one: Recording, tools: tuple[ToolRules, ...] = ()) -> None:
        """A tool that is called answers at once."""
        chosen = SessionSettings(model=one.model, dialect=one.dialect, audio="audio/pcm")
        self.call = Call(CallSettings(session=chosen, tools=tools))
        self.outputs: list[Output] = []
        self.refused: list[str] = []
        self._transcoder: Transcoder | None = None
        self._now_ms = 0
        self._give(start())
        for message in one.messages:
            if message.sent:
                self._pass(APPEND_MS if message.kind == "input_audio_buffer.append" else 1)
            else:
                self._said(json.dumps(message.data))
                self._pass(1)
        self._pass(SETTLES_MS)

    def _said(self, text: str) -> None:
        if self._transcoder is not None:
            text = self._transcoder.from_session(text.encode()).decode()
        try:
            self._give(events.parse(text))
        except events.BadEvent as bad:
            self.refused.append(str(bad))
            self._give(Refused("model>bot", bad.kind))

    def _pass(self, ms: int) -> None:
        """Time goes by, in which the caller's line brings silence."""
        until_ms = self._now_ms + ms
        while self._now_ms < until_ms:
            self._now_ms += 1
            if self._now_ms % 20 == 0:
                self._give(frame(self._now_ms, fill=0xFF))
            due_us = self.call.deadline_us
            if due_us is not None and due_us <= self._now_ms * MS:
                self._give(Tick())

    def _give(self, item: stream.Inbound | events.ServerEvent | Refused | Tick | ToolDone) -> None:
        out = self.call.receive(item, self._now_ms * MS)
        self.outputs += out
        for one in out:
            if isinstance(one, Transcode):
                self._transcoder = Transcoder(one.heard, one.spoken)
            elif isinstance(one, stream.SetMark):
                self._give(echo(one.mark.name))
            elif isinstance(one, RunTool):
                self._give(ToolDone(one.call_id, FOGGY))

    def sent(self, kind: type[Output]) -> int:
        return sum(isinstance(one, kind) for one in self.outputs)


def speaks(one: Recording) -> bool:
    """True when the session spoke; a call asks for nothing else, and a text is no answer to it."""
    return bool(one.of("response.output_audio.delta"))


@each_recording
def test_a_recorded_tool_round_is_run_answered_and_followed_once(path: Path) -> None:
    """The output goes before `response.done`; the server confirms it, and then one response is asked for."""
    one = recording(path)
    called = [
        item for event in one.of("response.output_item.done") if (item := event["item"])["type"] == "function_call"
    ]
    if not called:
        pytest.skip("no tool is called in it")
    played = Played(one, (ToolRules(called[0]["name"]),))
    orders = [out for out in played.outputs if isinstance(out, RunTool)]
    assert [(out.call_id, out.name, out.arguments) for out in orders] == [
        (item["call_id"], item["name"], item["arguments"]) for item in called
    ]
    outputs = [out.item for out in played.outputs if isinstance(out, events.CreateItem)]
    assert [item["call_id"] for item in outputs] == [item["call_id"] for item in called]
    assert played.sent(events.CreateResponse) == (
        1 if speaks(one) else 2
    )  # a text is no answer, and is asked for again
    assert played.call.session.outputs == {}
    assert played.call._parts.floor.tools_running == 0


@each_recording
def test_every_message_is_read_as_what_it_is(path: Path) -> None:
    played = Played(recording(path))
    assert played.refused == []
    for event in recording(path).received:
        read = events.parse(json.dumps(event))
        kind = read.type if isinstance(read, events.Unknown) else read.__struct_config__.tag
        assert kind == event["type"]


@each_recording
def test_the_call_listens_once_all_was_heard_and_nothing_is_awaited(path: Path) -> None:
    one = recording(path)
    call = Played(one).call
    assert call.session.responses.active is None
    if speaks(one):
        assert call.ended is None
        assert (call.state, call.session.responses.awaited) == (State.LISTENING, False)
        assert not {name for name in call.counts if name.startswith(("refused", "model_error", "late", "mark"))}


@each_recording
def test_the_transcript_has_each_turn_once_and_as_it_was_understood_in_the_end(path: Path) -> None:
    one = recording(path)
    kind = "conversation.item.input_audio_transcription.completed"
    understood = {event["item_id"]: event["transcript"] for event in one.of(kind)}
    expected: list[tuple[str, str | None]] = []
    for event in one.received:
        if event["type"] == "input_audio_buffer.committed":
            expected.append(("caller", understood.get(event["item_id"])))
        elif event["type"] == "response.output_audio_transcript.done":
            expected.append(("bot", event["transcript"]))
    call = Played(one).call
    assert [(turn.who, turn.text) for turn in call.transcript.turns] == expected
    assert not any(turn.cut for turn in call.transcript.turns)


@each_recording
def test_the_session_is_told_what_to_be_once_and_of_no_cut(path: Path) -> None:
    one = recording(path)
    played = Played(one)
    told = [out for out in played.outputs if isinstance(out, events.UpdateSession) and "instructions" in out.session]
    assert len(told) == 1
    assert played.sent(events.TruncateItem) == 0
    if speaks(one):  # what was only written was not said, and is taken back
        assert played.sent(events.DeleteItem) == 0


@each_recording
def test_all_that_was_used_is_counted(path: Path) -> None:
    one = recording(path)
    told = [done["usage"] if one.dialect == "xai" else done["response"]["usage"] for done in one.of("response.done")]
    facts = [fact for fact in Played(one).outputs if type(fact).__name__ == "UsageFact" and fact.kind == "response"]
    assert [sum(msgspec.to_builtins(fact.tokens).values()) for fact in facts] == [
        usage["total_tokens"] for usage in told
    ]


WHOSE = [
    SessionSettings(model="gpt-realtime-2.1"),
    SessionSettings(model="gpt-realtime"),
    SessionSettings(model="gpt-realtime", dialect="azure"),
    SessionSettings(model="grok-voice-latest", dialect="xai", voice="eve"),
]


@pytest.mark.parametrize("gap_ms", [0, 400, 3_000])
@pytest.mark.parametrize("chosen", WHOSE, ids=lambda one: f"{one.dialect}-{one.model}")
def test_a_goodbye_is_heard_to_its_end_wherever_its_hang_up_stands_among_the_events(
    chosen: SessionSettings, gap_ms: int
) -> None:
    """By a model that reasons the function is called before the goodbye's item is done."""
    goodbye = Spoken(pattern(2_000), "Thank you and goodbye.")
    pacing = Pacing(speed=4, call_gap_ms=gap_ms)
    agent = ScriptedAgent([Spoken(pattern(500), "Hello."), Reply([goodbye], [ToolCall(END_CALL)], pacing)])
    model = SimulatedModel(agent, model=chosen.model, dialect=chosen.dialect)
    phone = SimulatedPhone()
    phone.say(bytes((0x10, 0x90)) * 80 * 50, 3_000 * MS)
    call = VirtualCall(Call(CallSettings(session=chosen, greeting="Hello.")), phone, model)
    assert call.run() == "bot_hung_up"
    assert b"".join(one.audio for one in phone.received).endswith(goodbye.audio)
    assert phone.playout.runs[-1].end_us - phone.playout.runs[-1].start_us == 2_000 * MS
    assert model.violations == phone.violations == []
