from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from bot.audio.payload import silence
from bot.audio.transcode import Format
from bot.call.call import Call
from bot.call.facts import WaitFact
from bot.call.inputs import ModelClosed, Note, PhoneClosed, PhoneFull, PhoneRoom, Refused, Tick
from bot.call.outputs import End, Output, Report
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.session import SessionSettings
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model.simulated import SimulatedModel
from bot.testing.model.state.behaviour import SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.scheduler import VirtualCall
from bot.twilio import stream

SID = "MZ00000000000000000000000000000001"
CREATED = '{"type":"session.created","session":{"id":"sess_1"}}'


class FakeModel:
    """Sends texts at fixed times, keeps what it gets, closes when told."""

    def __init__(self, script: Sequence[tuple[int, str]] = (), close: tuple[int, int, str] | None = None) -> None:
        self.violations: list[str] = []
        self.closed: tuple[int, str] | None = None
        self.got: list[tuple[int, dict[str, Any]]] = []
        self.disconnected_us: int | None = None
        self._script = list(script)
        self._close = close

    def receive(self, text: str, now_us: int) -> None:
        self.got.append((now_us, json.loads(text)))

    def due(self, now_us: int) -> list[str]:
        texts = [text for at, text in self._script if at <= now_us]
        self._script = [(at, text) for at, text in self._script if at > now_us]
        if self._close and self._close[0] <= now_us:
            self.closed = self._close[1:]
        return texts

    def next_us(self) -> int | None:
        times = [at for at, _ in self._script] + ([self._close[0]] if self._close and not self.closed else [])
        return min(times, default=None)

    def disconnected(self, now_us: int) -> None:
        self.disconnected_us = now_us


class FakeCore:
    """Answers by a table from the kind of the input, and remembers what it was fed."""

    def __init__(self, answers: dict[type, list[Output]], deadline_us: int | None = None) -> None:
        self.deadline_us = deadline_us
        self.fed: list[tuple[int, Any]] = []
        self._answers = answers

    def receive(self, item: stream.Inbound | events.ServerEvent | Note, now_us: int) -> list[Output]:
        self.fed.append((now_us, item))
        if isinstance(item, Tick):
            self.deadline_us = None
        return self._answers.get(type(item), [])

    def kinds(self) -> list[tuple[int, str]]:
        return [(at, type(item).__name__) for at, item in self.fed]


def _play(ms: int) -> stream.PlayMedia:
    return stream.PlayMedia(SID, stream.OutPart(silence(ms * 8)))


def _mark(name: str) -> stream.SetMark:
    return stream.SetMark(SID, stream.MarkPart(name))


def test_a_whole_call_with_delay_on_every_line() -> None:
    core = FakeCore(
        {
            events.SessionCreated: [events.AppendAudio("////")],
            stream.Start: [_play(100), _mark("m"), Report("begun"), WaitFact("byte_sent", 5)],
            stream.MarkEcho: [End("bot_hung_up")],
        }
    )
    phone = SimulatedPhone(frames=False)
    model = FakeModel([(2_000, CREATED)])
    call = VirtualCall(
        core,
        phone,
        model,
        out_line=Line(40_000),
        in_line=Line(30_000),
        model_out_line=Line(7_000),
        model_in_line=Line(5_000),
        start_us=200_000,
    )
    assert call.run() == "bot_hung_up"
    assert core.kinds() == [
        (7_000, "SessionCreated"),
        (230_000, "Connected"),
        (230_000, "Start"),
        (400_000, "MarkEcho"),
    ]
    assert model.got == [(14_000, {"type": "input_audio_buffer.append", "audio": "////"})]
    assert phone.received[0].at_us == 270_000
    assert phone.echoed == [(370_000, "m")]
    assert (phone.ended_by, phone.ended_us) == ("bot", 440_000)
    assert model.disconnected_us == 407_000
    assert call.ended == (400_000, "bot_hung_up")
    assert [(us, report.event) for us, report in call.reports] == [(230_000, "begun")]
    assert call.facts == [(230_000, WaitFact("byte_sent", 5))]
    assert [(line.us, line.way) for line in call.log] == [
        (7_000, "model>bot"),
        (7_000, "bot>model"),
        (230_000, "phone>bot"),
        (230_000, "phone>bot"),
        (230_000, "bot>phone"),
        (230_000, "bot>phone"),
        (230_000, "told"),
        (230_000, "told"),
        (400_000, "phone>bot"),
        (400_000, "told"),
    ]
    assert all(json.loads(line.text) for line in call.log)


@pytest.mark.parametrize(
    ("abrupt", "told"), [(False, ["Stop", "PhoneClosed"]), (True, ["PhoneClosed"])], ids=["clean", "abrupt"]
)
def test_the_caller_hangs_up(abrupt: bool, told: list[str]) -> None:
    core = FakeCore({PhoneClosed: [End("caller_hung_up")]})
    phone = SimulatedPhone(frames=False)
    phone.hang_up(500_000, abrupt=abrupt)
    model = FakeModel()
    assert VirtualCall(core, phone, model, in_line=Line(10_000)).run() == "caller_hung_up"
    assert core.kinds()[2:] == [(510_000, kind) for kind in told]
    assert core.fed[-1][1] == PhoneClosed(1006 if abrupt else 1000)
    assert model.disconnected_us == 510_000


def test_the_model_closes_and_what_it_sent_before_arrives_before() -> None:
    core = FakeCore({ModelClosed: [End("model_unavailable")]})
    model = FakeModel([(50_000, CREATED)], close=(50_000, 1001, "Your session hit the maximum duration of 60 minutes."))
    call = VirtualCall(core, SimulatedPhone(frames=False), model, model_in_line=Line(1_000))
    assert call.run() == "model_unavailable"
    assert core.kinds() == [(51_000, "SessionCreated"), (51_000, "ModelClosed")]
    assert core.fed[-1][1].failure == "expired"
    assert model.disconnected_us is None


def test_the_deadline_of_the_core_becomes_a_tick() -> None:
    core = FakeCore({Tick: [End("idle")]}, deadline_us=123_456)
    call = VirtualCall(core, SimulatedPhone(frames=False), FakeModel())
    assert call.run() == "idle"
    assert core.kinds() == [(123_456, "Tick")]
    assert [(line.us, line.way, line.text) for line in call.log] == [
        (123_456, "note", '{"note":"tick"}'),
        (123_456, "told", '{"told":"end","reason":"idle"}'),
    ]


def test_garbage_reaches_the_core_as_a_note_only() -> None:
    core = FakeCore({})
    model = FakeModel([(1_000, "garbage"), (2_000, '{"type":"response.created"}'), (3_000, '{"type":"new.thing"}')])
    assert VirtualCall(core, SimulatedPhone(frames=False), model).run() is None
    assert [item for at, item in core.fed if at < 300_000] == [
        Refused("model>bot", "not_json"),
        Refused("model>bot", "bad_shape"),
        events.Unknown("new.thing"),
    ]


def test_a_stalled_line_fills_the_transport_and_drains() -> None:
    core = FakeCore({stream.Start: [_play(5_000)] * 3})
    phone = SimulatedPhone(frames=False)
    call = VirtualCall(core, phone, FakeModel(), out_line=Line(10_000, stalls=[(250_000, 400_000)]))
    call.run()
    assert core.kinds()[2:] == [(300_000, "PhoneFull"), (650_000, "PhoneRoom")]
    assert [type(item) for _, item in core.fed[2:]] == [PhoneFull, PhoneRoom]
    assert [received.at_us for received in phone.received] == [650_000] * 3


def test_what_the_phone_refuses_is_seen() -> None:
    core = FakeCore({stream.Start: [stream.Clear("MZ00000000000000000000000000000009")]})
    phone = SimulatedPhone(frames=False)
    VirtualCall(core, phone, FakeModel()).run()
    assert [violation[:5] for violation in phone.violations] == ["31951"]


def test_a_call_that_does_not_end_stops_at_the_limit() -> None:
    core = FakeCore({})
    call = VirtualCall(core, SimulatedPhone(), FakeModel(), start_us=0)
    assert call.run(limit_us=2_000_000) is None
    assert len(core.fed) == 102
    assert call.run(limit_us=3_000_000) is None
    assert len(core.fed) == 152


def test_a_deadline_that_never_moves_is_an_error_and_no_endless_loop() -> None:
    core = FakeCore({}, deadline_us=5)
    core.receive = lambda item, now_us: []  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="time stands still at 5 us"):
        VirtualCall(core, SimulatedPhone(frames=False), FakeModel()).run()


def test_a_call_that_goes_on_after_its_end_is_an_error() -> None:
    core = FakeCore({stream.Start: [End("idle"), _play(1)]})
    with pytest.raises(AssertionError, match="after its end"):
        VirtualCall(core, SimulatedPhone(frames=False), FakeModel()).run()


def test_the_same_seed_gives_the_same_call() -> None:
    def logged(seed: int) -> list[Any]:
        rng = random.Random(seed)
        core = FakeCore({stream.Start: [_play(20), _mark("a")] * 20, stream.Media: [_play(20)]})
        call = VirtualCall(
            core,
            SimulatedPhone(),
            FakeModel(),
            out_line=Line(40_000, 10_000, rng),
            in_line=Line(40_000, 10_000, rng),
        )
        call.run(limit_us=1_000_000)
        return call.log

    assert logged(7) == logged(7)
    assert logged(7) != logged(8)


def test_the_real_call_is_cut_where_the_phone_stood() -> None:
    model = SimulatedModel(
        ScriptedAgent([Spoken(pattern(8_000, 1))]), speech=[SpeechAt(4_000_000, 5_000_000)], keep_heard=False
    )
    phone = SimulatedPhone(frames=False)
    phone.hang_up(9_000_000)
    call = VirtualCall(Call(CallSettings(greeting="Hello.")), phone, model)
    assert call.run() == "caller_hung_up"
    heard_bytes = sum(phone.heard_when_cleared(0))
    (truncation,) = model.truncations
    assert abs(truncation.audio_end_ms - heard_bytes / 8) <= 2
    assert model.spoken(truncation.item_id)[:heard_bytes] == phone.playout.render(0, 4_000_000)[-heard_bytes:]
    assert phone.violations == model.violations == model.errors == []


@pytest.mark.parametrize(("audio", "per_ms"), [("audio/pcma", 8), ("audio/pcm", 48)])
def test_a_session_of_another_format_is_transcoded_in_virtual_time_too(audio: Format, per_ms: int) -> None:
    """Cut in the middle: the model is told in its own milliseconds, the caller hears all that came before."""
    model = SimulatedModel(
        ScriptedAgent([Spoken(pattern(2_000, "long"), "a long reply")]), speech=[SpeechAt(1_500_000, 1_700_000)]
    )
    phone = SimulatedPhone()
    phone.hang_up(2_500_000)
    settings = CallSettings(greeting="Hello.", session=SessionSettings(audio=audio))
    call = VirtualCall(Call(settings), phone, model)
    assert call.run() == "caller_hung_up"
    assert (model.violations, phone.violations) == ([], [])
    (cut,) = model.truncations
    assert cut.accepted
    assert 900 <= cut.audio_end_ms <= 1_300
    assert len(model.spoken(cut.item_id)) >= cut.audio_end_ms * per_ms
    assert b"".join(one.audio for one in phone.received)[8:] != b""
    assert abs(model.heard_ms - sum(len(frame.audio) for frame in phone.sent_frames) // 8) <= 100


def test_a_reply_longer_than_a_step_may_hand_over_is_heard_to_its_end_and_so_is_the_next() -> None:
    """The shell looks for room at each beat, also where the line was never full."""
    reply = Reply((Spoken(pattern(12_000, "long"), "A long story."),), pacing=Pacing(speed=0, first_audio_ms=100))
    model = SimulatedModel(ScriptedAgent([reply]), speech=(SpeechAt(16_000_000, 16_500_000),))
    phone = SimulatedPhone(frames=False)
    phone.hang_up(40_000_000)
    call = VirtualCall(Call(CallSettings(greeting="Hello.")), phone, model, start_us=1_500_000)
    assert call.run() == "caller_hung_up"
    assert [run.end_us - run.start_us for run in phone.playout.runs] == [12_000_000, 12_000_000]
