"""A small call for the tests of records: a stand-in for the core, and the wire messages of a whole conversation."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bot.audio import mulaw
from bot.audio.payload import payload_bytes
from bot.call.inputs import PhoneClosed, Refused
from bot.call.outputs import End, Output, Report
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.session import SessionSettings, session_object
from bot.recording.files.call_file import CallerFrame
from bot.recording.files.file_writer import Writer
from bot.recording.files.fixture_file import FixtureFile
from bot.recording.files.recorder import Recorder
from bot.twilio import stream

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
CALL = "CA00000000000000000000000000000001"
STREAM = "MZ00000000000000000000000000000001"
KEY = "sk-proj-verysecretkey-7731"
CALLER = "+15555550142"
DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = CallSettings(
    session=SessionSettings(instructions=f"Open from 9 to 5. Transfer to +1 (555) 555-0199. Key {KEY}."),
    greeting="Hello, call 555 555 0177 too.",
    call_sid=CALL,
    account_sid=ACCOUNT,
)


class FakeCall:
    """Relays audio both ways, marks each delta, cuts at speech, and ends with the stream. A core of thirty lines."""

    def __init__(self, settings: CallSettings, *, late_ms: int = 0) -> None:
        self.settings = settings
        self.late_ms = late_ms
        self.item, self.bytes, self.began_us, self.n = "", 0, 0, 0
        self.opened = False

    def receive(self, item: Any, now_us: int) -> list[Output]:
        out: list[Output] = []
        match item:
            case stream.Start():
                if self.settings.account_sid != item.start.account_sid:
                    return [Report("wrong_account"), End("refused")]
                session = session_object(self.settings.session, server_owns_turns=True)
                out += [events.UpdateSession(session, "e1"), Report("started", {"at": now_us})]
                out += [events.CreateResponse({"instructions": f"Say: {self.settings.greeting}"}, "e2")]
            case stream.Media():
                out += [events.AppendAudio(item.media.payload)]
            case events.AudioDelta():
                out += self.play(item, now_us)
            case events.SpeechStarted() if self.item:
                heard = min(self.bytes // 8, (now_us - self.began_us) // 1000) + self.late_ms
                out += [stream.Clear(STREAM), events.TruncateItem(self.item, heard, 0, f"t{self.n}")]
                self.item = ""
            case events.CallerTranscript():
                out += [
                    events.CreateItem({"type": "message", "content": [{"type": "input_text", "text": item.transcript}]})
                ]
            case stream.Stop() | PhoneClosed():
                out += [End("caller_hung_up")]
        return out

    def play(self, delta: events.AudioDelta, now_us: int) -> list[Output]:
        if delta.item_id != self.item:
            self.item, self.bytes, self.began_us = delta.item_id, 0, now_us
        self.bytes += payload_bytes(delta.delta)
        self.n += 1
        mark = stream.SetMark(STREAM, stream.MarkPart(f"e1.{self.n}"))
        return [stream.PlayMedia(STREAM, stream.OutPart(delta.delta)), mark]


def tone(ms: int, hz: float = 440, amplitude: int = 9000) -> bytes:
    samples = (round(amplitude * math.sin(2 * math.pi * hz * i / 8000)) for i in range(ms * 8))
    return mulaw.encode(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))


def b64(ulaw: bytes) -> str:
    return base64.b64encode(ulaw).decode()


def phone(event: str, sequence: int = 1, **part: Any) -> str:
    head = {"event": event, "sequenceNumber": str(sequence), "streamSid": STREAM}
    return json.dumps({**head, event: part}, separators=(",", ":"))


def media(at_ms: int, ulaw: bytes) -> str:
    return phone("media", track="inbound", chunk="1", timestamp=str(at_ms), payload=b64(ulaw))


def start(name: str = "Ann Example") -> str:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    sids = {"accountSid": ACCOUNT, "streamSid": STREAM, "callSid": CALL}
    return phone("start", **sids, tracks=["inbound"], mediaFormat=form, customParameters={"from": CALLER, "name": name})


def model(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "event_id": "event_1", **fields}, separators=(",", ":"))


def delta(item: str, ulaw: bytes) -> str:
    return model("response.output_audio.delta", response_id="resp_1", item_id=item, content_index=0, delta=b64(ulaw))


def words(item: str, text: str) -> str:
    return model("response.output_audio_transcript.delta", response_id="resp_1", item_id=item, delta=text)


def conversation(said: str = "My number is 555 0142.", item: str = "item_2") -> list[tuple[int, str, Any]]:
    """Inputs (us, way, message) of four seconds: a greeting, cut at 1.9 s while 2 s of it are queued, then a goodbye."""
    quiet, loud = b"\xff" * 160, tone(20, 300, 12000)
    inputs: list[tuple[int, str, Any]] = [
        (400_000, "model>bot", model("session.created", session={"id": "sess_1"})),
        (600_000, "phone>bot", '{"event":"connected","protocol":"Call","version":"1.0.0"}'),
        (600_100, "phone>bot", start()),
    ]
    inputs += [(620_000 + 20_000 * n, "phone>bot", media(20 * n, loud if 60 <= n < 100 else quiet)) for n in range(200)]
    inputs += [
        (900_000, "model>bot", words("item_1", "Hello and ")),
        (900_000, "model>bot", delta("item_1", tone(1000))),
        (950_000, "model>bot", words("item_1", "welcome to line 42 of the example.")),
        (950_000, "model>bot", delta("item_1", tone(2000, 550))),
        (1_300_000, "note", Refused("phone>bot", "not_json")),
        (1_900_000, "phone>bot", phone("mark", name="e1.1")),
        (2_100_000, "model>bot", model("input_audio_buffer.speech_started", audio_start_ms=1200, item_id=item)),
        (2_150_000, "phone>bot", phone("mark", name="e1.2")),
        (2_200_000, "model>bot", model("conversation.item.truncated", item_id="item_1", audio_end_ms=1200, content_index=0)),
        (2_700_000, "model>bot", model("input_audio_buffer.speech_stopped", audio_end_ms=2000, item_id=item)),
        (2_800_000, "phone>bot", phone("dtmf", track="inbound_track", digit="7")),
        (2_900_000, "model>bot", model("conversation.item.input_audio_transcription.completed", item_id=item, transcript=said)),
        (3_000_000, "model>bot", model("response.output_audio_transcript.done", response_id="resp_2", item_id="item_3", transcript="Goodbye.")),
        (3_100_000, "model>bot", delta("item_3", tone(500, 660))),
        (3_200_000, "model>bot", model("error", error={"type": "invalid_request_error", "code": "odd", "message": f"no {CALLER}"})),
        (3_650_000, "phone>bot", phone("mark", name="e1.3")),
        (4_700_000, "phone>bot", phone("stop", accountSid=ACCOUNT, callSid=CALL)),
        (4_750_000, "note", PhoneClosed()),
    ]  # fmt: skip
    return sorted(inputs, key=lambda entry: entry[0])


def record(path: Path, inputs: list[tuple[int, str, Any]], settings: CallSettings = SETTINGS, core: Any = None) -> Path:
    """Feed `core`, by default FakeCall, and a recorder as a bridge does. Gives the written file."""
    writer = Writer()
    file = FixtureFile(settings, path, [KEY, "Ann Example"], date=DATE)
    recorder = Recorder([file], writer=writer)
    call = (core or FakeCall)(settings)
    for us, way, message in inputs:
        parsed = message if way == "note" else (stream if way == "phone>bot" else events).parse(message)
        if isinstance(parsed, stream.Media):
            recorder.frame(us, message.encode(), parsed, call.receive(parsed, us))
            continue
        recorder.input(us, way, message)
        for output in call.receive(parsed, us):
            recorder.output(us, output)
    recorder.close()
    writer.stop()
    assert recorder.wait(0)
    assert not recorder.failed
    return file.path


def caller_frame(text: str) -> CallerFrame:
    """A caller's frame as it is kept when no session takes it."""
    frame = parsed_frame(text)
    own = frame.stream_sid == STREAM
    return CallerFrame(frame.media.timestamp, base64.b64decode(frame.media.payload) if own else b"", b"", text.encode())


def parsed_frame(text: str) -> stream.Media:
    frame = stream.parse(text)
    assert isinstance(frame, stream.Media)
    return frame


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(row) for row in path.read_bytes().splitlines()]
