"""A call at a desk: hand-made messages go in, what goes out comes back as short words.

`media 500` is 500 ms of audio, `mark e0.1`, `clear`; `truncate A at 1500`, `delete B`, `cancel R1`, `create`, `append 20`,
`update server` and `update us` (who owns the turns), `item ...`; `end idle`. Reports are left out: `reports` keeps them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bot.audio.payload import BYTES_PER_MS, payload_bytes
from bot.audio.transcode import LINE as PCMU
from bot.call.call import Call, Input
from bot.call.facts import TurnFact, WaitFact
from bot.call.inputs import Tick
from bot.call.outputs import (
    FACTS,
    Adopt,
    CancelTool,
    CheckTransfer,
    Dial,
    Drop,
    DropKeys,
    End,
    HideKeys,
    LeaveStream,
    Output,
    Report,
    RunTool,
    Transcode,
    Transfer,
)
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.call.transcript.transcript import Transcript
from bot.call.uplink.frames_and_gaps import Uplink
from bot.realtime import events
from bot.twilio import stream

SID, CALL, ACCOUNT = "MZ1", "CA1", "AC1"
MS = 1_000
SESSION = events.Session(
    audio=events.Audio(events.AudioSide(events.Format(PCMU)), events.AudioSide(events.Format(PCMU)))
)


# ---- what either side may say ----


def start(
    *, call_sid: str = CALL, account_sid: str = ACCOUNT, encoding: str = "audio/x-mulaw", sid: str = SID
) -> stream.Start:
    form = stream.MediaFormat(encoding, 8000, 1)
    return stream.Start(stream.StartPart(sid, account_sid, call_sid, form), sid)


def audio(ms: int, fill: int = 0x55) -> str:
    return base64.b64encode(bytes((fill,)) * (ms * BYTES_PER_MS)).decode()


def frame(timestamp: int, ms: int = 20, fill: int = 0x55, sid: str = SID) -> stream.Media:
    return stream.Media(stream.MediaPart(audio(ms, fill), timestamp), sid)


def echo(name: str, sid: str = SID) -> stream.MarkEcho:
    return stream.MarkEcho(stream.MarkPart(name), sid)


def pressed(key: str, sid: str = SID) -> stream.Dtmf:
    return stream.Dtmf(stream.DtmfPart(key, "inbound_track"), sid)


def updated() -> events.SessionUpdated:
    return events.SessionUpdated(SESSION)


def created(response: str) -> events.ResponseCreated:
    return events.ResponseCreated(events.Response(response, "in_progress"))


def done(response: str, status: str = "completed", problem: events.Problem | None = None) -> events.ResponseDone:
    details = None if problem is None else events.StatusDetails("failed", error=problem)
    return events.ResponseDone(events.Response(response, status, details))


def added(response: str, item: str) -> events.OutputItemAdded:
    return events.OutputItemAdded(response, events.Item(item, "message", "assistant"))


def delta(response: str, item: str, ms: int, content: int = 0) -> events.AudioDelta:
    return events.AudioDelta(response, item, audio(ms), content)


def audio_done(response: str, item: str, content: int = 0) -> events.AudioDone:
    return events.AudioDone(response, item, content)


def item_done(item: str) -> events.ItemDone:
    return events.ItemDone(events.Item(item, "message", "assistant", "completed"))


def words(response: str, item: str, text: str) -> events.TranscriptDelta:
    return events.TranscriptDelta(response, item, text)


def function(response: str, name: str, call_id: str = "call_1", arguments: str = "{}") -> events.OutputItemDone:
    item = events.Item(
        f"fn_{call_id}", "function_call", status="completed", name=name, call_id=call_id, arguments=arguments
    )
    return events.OutputItemDone(response, item)


def speaks(audio_start_ms: int = 10**6) -> events.SpeechStarted:
    return events.SpeechStarted(audio_start_ms, "U")


def stops() -> events.SpeechStopped:
    return events.SpeechStopped(10**6, "U")


def committed(item: str = "U") -> events.Committed:
    return events.Committed(item)


def error(code: str | None, event_id: str | None = None, kind: str = "invalid_request_error") -> events.Error:
    return events.Error(events.Problem(kind, code, "words", None, event_id))


def no_session(settings: CallSettings | None = None, step: Step | None = None) -> CurrentSession:
    """A call's session before its first word, without the call."""
    return CurrentSession(settings or CallSettings(), step or Step(), Uplink(), Transcript())


# ---- what comes out, in words ----


def _update(message: events.UpdateSession) -> str:
    if "turn_detection" in message.session:  # xAI's shape
        return f"update {'us' if message.session['turn_detection'] is None else 'server'}"
    flags = message.session["audio"]["input"]["turn_detection"]
    assert flags["create_response"] == flags["interrupt_response"]
    return f"update {'server' if flags['create_response'] else 'us'}"


def _ms(payload: str) -> str:
    return f"{payload_bytes(payload) / BYTES_PER_MS:g}"


_WORDS: dict[type, Callable[[Any], str]] = {
    stream.PlayMedia: lambda one: f"media {_ms(one.media.payload)}",
    stream.SetMark: lambda one: f"mark {one.mark.name}",
    stream.Clear: lambda one: "clear",
    events.UpdateSession: _update,
    events.AppendAudio: lambda one: f"append {_ms(one.audio)}",
    events.CreateItem: lambda one: f"item {one.item['type']} {one.item.get('call_id', one.item.get('id'))}",
    events.TruncateItem: lambda one: (
        f"truncate {one.item_id}{f'/{one.content_index}' if one.content_index else ''} at {one.audio_end_ms}"
    ),
    events.DeleteItem: lambda one: f"delete {one.item_id}",
    events.CreateResponse: lambda one: "create" if not one.response else f"create {sorted(one.response)}",
    events.CancelResponse: lambda one: f"cancel {one.response_id}",
    Transcode: lambda one: f"transcode {one.heard} {one.spoken}",
    Dial: lambda one: "dial",
    Adopt: lambda one: "adopt",
    Drop: lambda one: "drop",
    LeaveStream: lambda one: f"leave for {one.digits}",
    HideKeys: lambda one: f"hide keys for {one.call_id}",
    DropKeys: lambda one: f"drop keys for {one.call_id}",
    RunTool: lambda one: f"run {one.name} {one.call_id}",
    CancelTool: lambda one: f"cancel tool {one.call_id} {one.why}",
    CheckTransfer: lambda one: f"check {one.destination} {one.call_id}",
    Transfer: lambda one: f"transfer {one.destination}: {one.summary}",
    End: lambda one: f"end {one.reason}",
}


def in_words(outputs: Sequence[Output]) -> list[str]:
    return [_WORDS[type(one)](one) for one in outputs if not isinstance(one, (Report, *FACTS))]


class ScriptedCall:
    """A call whose stream has started and whose session is ready, at 0 ms, unless `ready` is off."""

    def __init__(self, settings: CallSettings | None = None, *, ready: bool = True) -> None:
        self.call = Call(settings or CallSettings())
        self.now_us = 0
        self.outputs: list[Output] = []
        if ready:
            self.give(*self.opening())

    def opening(self) -> tuple[Input, ...]:
        """The stream starts and the session is ready."""
        return start(), events.SessionCreated(SESSION), updated()

    def at(self, ms: float) -> ScriptedCall:
        assert ms * MS >= self.now_us
        self.now_us = round(ms * MS)
        return self

    def give(self, *inputs: Input) -> list[str]:
        """Feed `inputs`, all at this moment. What came out, in words."""
        return in_words(self.raw(*inputs))

    def raw(self, *inputs: Input) -> list[Output]:
        out = [output for one in inputs for output in self.call.receive(one, self.now_us)]
        self.outputs += out
        return out

    def tick(self) -> list[str]:
        return self.give(Tick())

    def reply(self, response: str, **items: int) -> list[str]:
        """A whole response at once: each item with so many ms of audio."""
        out = self.give(created(response))
        for item, ms in items.items():
            out += self.give(added(response, item), delta(response, item, ms), audio_done(response, item))
            out += self.give(item_done(item))
        return out + self.give(done(response))

    @property
    def reports(self) -> list[Report]:
        return [one for one in self.outputs if type(one) is Report]

    @property
    def turns(self) -> list[TurnFact]:
        """Every fact about a turn, in the order of telling."""
        return [one for one in self.outputs if type(one) is TurnFact]

    @property
    def waits(self) -> list[tuple[str, float, int | None]]:
        """Every wait: what for, in ms, and the number of the turn."""
        return [(one.what, one.us / MS, one.turn) for one in self.outputs if type(one) is WaitFact]

    def sent(self, kind: type) -> list[Any]:
        return [one for one in self.outputs if type(one) is kind]

    def heard_by_phone(self) -> bytes:
        """Every byte of audio handed to the phone."""
        return b"".join(base64.b64decode(one.media.payload) for one in self.sent(stream.PlayMedia))


def changed(settings: CallSettings, **fields: Any) -> CallSettings:
    return msgspec.structs.replace(settings, **fields)
