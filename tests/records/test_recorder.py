from __future__ import annotations

import os
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.call import notes
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.records import recorder as module
from bot.records.fixture import read_fixture
from bot.records.recorder import Recorder, Writer, fixture_path
from bot.twilio import stream
from tests.records import records_sample as sample


@pytest.fixture
def writer() -> Any:
    made = Writer(flush_s=0.01)
    yield made
    made.stop()


def test_a_call_becomes_a_file_in_feed_order(tmp_path: Path, writer: Writer) -> None:
    recorder = Recorder(CallSettings(greeting="Hi"), tmp_path / "a.call.jsonl", date=sample.DATE, writer=writer)
    recorder.input(5, "phone>bot", '{"event":"connected"}')
    recorder.output(5, stream.Clear("MZ1"))
    recorder.output(5, events.AppendAudio("////"))
    recorder.input(7, "note", notes.Tick(), 2)
    recorder.close()
    assert recorder.wait(5)
    assert sample.lines_of(recorder.path)[1:] == [
        {"us": 5, "way": "phone>bot", "message": {"event": "connected"}, "socket": 0},
        {"us": 5, "way": "bot>phone", "message": {"event": "clear", "streamSid": "MZ1"}, "socket": 0},
        {"us": 5, "way": "bot>model", "message": {"type": "input_audio_buffer.append", "audio": "////"}, "socket": 0},
        {"us": 7, "way": "note", "message": {"note": "tick"}, "socket": 2},
    ]
    header = read_fixture(recorder.path).header
    assert (header.date, header.settings.greeting, header.masked) == ("2026-01-02T03:04:05+00:00", "Hi", True)


def test_keys_numbers_and_names_of_a_call_are_nowhere_in_its_file(tmp_path: Path) -> None:
    split = [
        (1, "phone>bot", sample.start()),
        (2, "model>bot", sample.words("item_1", "your number 55")),
        (3, "model>bot", sample.words("item_1", "5 0142, Ann Example")),
        (4, "note", notes.ModelClosed("refused", 3000, f"bad key {sample.KEY} for {sample.CALLER}")),
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


def test_what_is_recorded_can_be_read_within_a_second_of_a_crash(tmp_path: Path, writer: Writer) -> None:
    recorder = Recorder(CallSettings(), tmp_path / "a.call.jsonl", writer=writer)
    recorder.input(5, "phone>bot", '{"event":"connected"}')
    last = Recorder(CallSettings(), tmp_path / "b.call.jsonl", writer=writer)
    last.close()  # orders are handled one by one, so the thread has begun a new second after this
    assert last.wait(5)
    deadline = 500
    while (not recorder.path.exists() or len(sample.lines_of(recorder.path)) < 2) and deadline:
        recorder.wait(0.01)
        deadline -= 1
    assert len(sample.lines_of(recorder.path)) == 2


@pytest.mark.parametrize("broken", ["directory", "disk", "bug"])
def test_a_disk_that_fails_is_counted_logged_once_and_disturbs_nothing(
    tmp_path: Path, writer: Writer, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.call.jsonl"
    if broken == "directory":
        (tmp_path / "file").write_text("in the way")
        path = tmp_path / "file" / "a.call.jsonl"
    elif broken == "disk":
        full = os.open("/dev/full", os.O_WRONLY)
        monkeypatch.setattr(module.os, "open", lambda *_: full)
    else:
        monkeypatch.setattr(Recorder, "_open", lambda self: 1 / 0)
    with capture_logs() as logs:
        recorder = Recorder(CallSettings(), path, writer=writer)
        for n in range(50):
            recorder.input(n, "phone>bot", '{"event":"connected"}')
        recorder.close()
        assert recorder.wait(5)
        recorder.input(99, "note", notes.Tick())
        good = Recorder(CallSettings(), tmp_path / "good.call.jsonl", writer=writer)
        monkeypatch.undo()
        good.close()
        assert good.wait(5)
    assert (recorder.failed, writer.failures) == (True, 1)
    assert [entry["event"] for entry in logs if entry["event"] == "recording_failed"] == ["recording_failed"]
    assert read_fixture(good.path).lines == ()


def test_a_disk_that_hangs_costs_the_recording_and_not_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 10)
    writer = Writer(flush_s=60)
    recorder = Recorder(CallSettings(), tmp_path / "a.call.jsonl", writer=writer)
    for n in range(11):
        recorder.input(n, "note", notes.Tick())
    with capture_logs() as logs:
        writer.stop()
    assert recorder.failed
    assert "11 messages behind" in logs[0]["error"]


def test_a_second_file_of_one_name_gets_a_number_and_only_the_owner_reads_it(tmp_path: Path, writer: Writer) -> None:
    paths = []
    for _ in range(3):
        recorder = Recorder(CallSettings(), tmp_path / "deep" / "a.call.jsonl", writer=writer)
        recorder.close()
        assert recorder.wait(5)
        paths.append(recorder.path)
    assert [path.name for path in paths] == ["a.call.jsonl", "a-2.call.jsonl", "a-3.call.jsonl"]
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o600] * 3


def test_a_message_too_deep_to_be_masked_keeps_its_place(tmp_path: Path, writer: Writer) -> None:
    recorder = Recorder(CallSettings(), tmp_path / "a.call.jsonl", writer=writer)
    recorder.input(1, "model>bot", '{"type":"odd","x":' + "[" * 20000 + "]" * 20000 + "}")
    recorder.close()
    assert recorder.wait(5)
    assert sample.lines_of(recorder.path)[1]["message"] == {
        "note": "refused",
        "way": "model>bot",
        "kind": "unrecordable",
    }


def test_files_are_named_by_date_and_call() -> None:
    east = sample.DATE.astimezone(timezone(timedelta(hours=5)))
    assert fixture_path("/r", "CA12", east) == Path("/r/20260102T030405Z-CA12.call.jsonl")
    assert fixture_path("/r", "../e vil", east).name == "20260102T030405Z-evil.call.jsonl"
    assert fixture_path("/r", "", east).name == "20260102T030405Z-unknown.call.jsonl"
