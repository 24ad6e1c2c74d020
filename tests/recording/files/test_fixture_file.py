"""Fixtures as they are written: in feed order, masked, and without the caller before they were told."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec

from bot.audio.payload import silence
from bot.call.call import Call
from bot.call.inputs import ModelClosed, Tick
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.recording.files.call_file import Row, Standing
from bot.recording.files.fixture_file import FixtureFile, hushed
from bot.recording.fixture import read_fixture
from bot.testing import assert_replays
from bot.testing.agent import ScriptedAgent, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.virtual.scheduler import VirtualCall
from bot.twilio import stream
from tests.recording import records_sample as sample
from tests.recording.recorded_core import Overheard

MS = 1_000


def written(path: Path, rows: list[Row], settings: CallSettings = CallSettings()) -> FixtureFile:  # noqa: B008  frozen
    file = FixtureFile(settings, path, date=sample.DATE)
    file.write(rows)
    file.flush(over=True)
    file.close()
    return file


def test_a_call_becomes_a_file_in_feed_order(tmp_path: Path) -> None:
    rows: list[Row] = [
        (5, "phone>bot", '{"event":"connected"}', 0),
        (5, "bot>phone", stream.Clear("MZ1"), 0),
        (5, "standing", Standing("MZ1"), 0),
        (5, "bot>model", events.AppendAudio("////"), 0),
        (7, "note", Tick(), 2),
    ]
    file = written(tmp_path / "a.call.jsonl", rows, CallSettings(greeting="Hi"))
    assert sample.lines_of(file.path)[1:] == [
        {"us": 5, "way": "phone>bot", "message": {"event": "connected"}, "socket": 0},
        {"us": 5, "way": "bot>phone", "message": {"event": "clear", "streamSid": "MZ1"}, "socket": 0},
        {"us": 5, "way": "bot>model", "message": {"type": "input_audio_buffer.append", "audio": "////"}, "socket": 0},
        {"us": 7, "way": "note", "message": {"note": "tick"}, "socket": 2},
    ]
    header = read_fixture(file.path).header
    assert (header.date, header.settings.greeting, header.masked) == ("2026-01-02T03:04:05+00:00", "Hi", True)


def test_keys_numbers_and_names_of_a_call_are_nowhere_in_its_file(tmp_path: Path) -> None:
    split = [
        (1, "phone>bot", sample.start()),
        (2, "model>bot", sample.words("item_1", "your number 55")),
        (3, "model>bot", sample.words("item_1", "5 0142, Ann Example")),
        (4, "note", ModelClosed("refused", 3000, f"bad key {sample.KEY} for {sample.CALLER}")),
        (
            5,
            "model>bot",
            sample.model("response.function_call_arguments.done", item_id="i", arguments='{"n": 5550142}'),
        ),
    ]
    for number, inputs in enumerate([sample.conversation(), split]):
        text = sample.record(tmp_path / f"{number}.call.jsonl", inputs).read_text()
        for hidden in (
            sample.KEY,
            sample.ACCOUNT,
            sample.CALLER,
            "5550142",
            "555 0142",
            "0177",
            "0199",
            "Ann Example",
            '"7"',
        ):
            assert hidden not in text, hidden


def test_a_message_too_deep_to_be_masked_keeps_its_place(tmp_path: Path) -> None:
    deep = '{"type":"odd","x":' + "[" * 20000 + "]" * 20000 + "}"
    file = written(tmp_path / "a.call.jsonl", [(1, "model>bot", deep, 0)])
    assert sample.lines_of(file.path)[1]["message"] == {"note": "refused", "way": "model>bot", "kind": "unrecordable"}


def test_an_announcement_is_no_audio_to_mask_but_a_sentence_with_a_number_is(tmp_path: Path) -> None:
    settings = CallSettings(announcement="Ask for a copy on +1 555 555 0142.", announcement_audio="////")
    header = read_fixture(written(tmp_path / "a.call.jsonl", [], settings).path).header
    assert header.settings.announcement_audio == "////"
    assert "0142" not in header.settings.announcement


# ---- before the announcement was heard ----


def test_hushed_is_the_caller_and_nothing_else() -> None:
    frame = sample.media(20, b"\x55" * 161)
    quiet = msgspec.json.decode(hushed("phone>bot", frame))  # type: ignore[arg-type]
    assert quiet == {
        **msgspec.json.decode(frame),
        "media": {**msgspec.json.decode(frame)["media"], "payload": silence(161)},
    }
    assert hushed("bot>model", events.AppendAudio(sample.b64(b"\x55" * 162))) == events.AppendAudio(silence(162))
    others: list[tuple[Any, Any]] = [
        ("phone>bot", sample.start()),
        ("bot>phone", stream.PlayMedia("MZ1", stream.OutPart("VVVV"))),
        ("model>bot", sample.delta("item_1", b"\x55" * 160)),
        ("note", Tick()),
    ]
    for way, raw in others:
        assert hushed(way, raw) is raw


def announced_call(path: Path, *, created_after_ms: int) -> tuple[VirtualCall, set[str]]:
    """A call with an announcement of 2 s whose caller talks all the time, recorded at `path`. What the caller sent,
    as payloads.
    """
    settings = CallSettings(
        greeting="Hello.", announcement="Recorded.", announcement_audio=sample.b64(pattern(2_000, "announcement"))
    )
    model = SimulatedModel(ScriptedAgent([Spoken(pattern(500, "hello"))]), Behaviour(created_after_ms=created_after_ms))
    phone = SimulatedPhone()
    phone.say(pattern(6_000, "caller"), 0)
    phone.hang_up(6_000 * MS)
    core = Overheard(Call(settings), [FixtureFile(settings, path)])
    call = VirtualCall(core, phone, model)
    call.run()
    core.finish()
    return call, {sample.b64(frame.audio) for frame in phone.sent_frames}


def test_before_the_announcement_was_heard_the_caller_is_silence_and_the_call_still_replays(tmp_path: Path) -> None:
    path = tmp_path / "a.call.jsonl"
    call, _ = announced_call(path, created_after_ms=3)
    assert_replays(path)
    heard_us = next(us for us, report in call.reports if report.event == "announcement_heard")
    assert 2_300 * MS <= heard_us <= 2_400 * MS
    kept = kept_audio(path)
    assert {set(base64.b64decode(payload)) == {0xFF} for us, payload in kept if us < heard_us} == {True}
    assert not any(payload == silence(160) for us, payload in kept if us > heard_us)
    assert len([us for us, _ in kept if us > heard_us]) > 300


def test_what_waits_for_a_session_that_is_late_is_silence_until_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.call.jsonl"
    call, spoken = announced_call(path, created_after_ms=4_000)
    assert_replays(path)
    ready_us = next(us for us, report in call.reports if report.event == "session_ready")
    kept = kept_audio(path)
    assert ready_us == 4_000 * MS
    assert not spoken & {payload for us, payload in kept if us < ready_us}
    assert len(spoken & {payload for us, payload in kept if us > ready_us}) > 50


def kept_audio(path: Path) -> list[tuple[int, str]]:
    """All of the caller's audio in the fixture, inbound and passed on."""
    found = []
    for line in read_fixture(path).lines:
        message = msgspec.json.decode(line.message)
        if line.way == "phone>bot" and message["event"] == "media":
            found.append((line.us, message["media"]["payload"]))
        elif line.way == "bot>model" and message["type"] == "input_audio_buffer.append":
            found.append((line.us, message["audio"]))
    return found
