from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.audio.payload import silence
from bot.call import inputs
from bot.call.outputs import Output
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.recording.files import new_file, recorder
from bot.recording.files.audio_file import AudioFile
from bot.recording.files.call_file import CallerFrame, Row, Standing
from bot.recording.files.file_writer import FLUSH_S, Writer
from bot.recording.files.fixture_file import FixtureFile
from bot.recording.files.new_file import FileKind
from bot.recording.files.recorder import Recorder
from bot.recording.fixture import read_fixture
from bot.twilio import stream
from tests.call.scripted_call import ScriptedCall, echo
from tests.recording import records_sample as sample


@pytest.fixture
def writer() -> Any:
    made = Writer(flush_s=0.01)
    yield made
    made.stop()


class Listed:
    """A CallFile in memory. `breaks`: what fails, and from when on."""

    path = Path("listed")
    made = True

    def __init__(self, breaks: str = "", kind: FileKind = "fixture") -> None:
        self.kind = kind
        self.rows: list[Row] = []
        self.flushes = 0
        self.closed = False
        self._breaks = breaks

    def write(self, rows: Sequence[Row]) -> None:
        self._do("write")
        self.rows += rows

    def flush(self, *, over: bool) -> None:
        self._do("over" if over else "flush")
        self.flushes += 1

    def close(self) -> None:
        self.closed = True
        self._do("close")

    def _do(self, what: str) -> None:
        if what == self._breaks:
            raise OSError(f"no {what}")


def closed(recorded: Recorder) -> Recorder:
    recorded.close()
    assert recorded.wait(5)
    return recorded


def test_every_file_is_given_the_messages_in_feed_order(writer: Writer) -> None:
    one, other = Listed(), Listed()
    recorded = Recorder([one, other], writer=writer)
    recorded.input(5, "phone>bot", '{"event":"connected"}')
    recorded.output(5, stream.Clear("MZ1"))
    recorded.output(5, events.AppendAudio("////"))
    recorded.input(7, "note", inputs.Tick(), 2)
    closed(recorded)
    assert one.rows == other.rows
    assert one.rows == [
        (5, "phone>bot", '{"event":"connected"}', 0),
        (5, "bot>phone", stream.Clear("MZ1"), 0),
        (5, "bot>model", events.AppendAudio("////"), 0),
        (7, "note", inputs.Tick(), 2),
    ]
    assert (one.closed, other.closed, recorded.failed) == (True, True, False)


FRAME = sample.media(20, b"\x55" * 160)
ODD = FRAME.replace("{", '{ "caller": "+15555550142", ', 1)


@pytest.mark.parametrize("n_passed", [0, 1, 2])
@pytest.mark.parametrize("text", [FRAME, ODD], ids=["usual", "odd"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_frame_of_the_caller_is_a_line_of_the_fixture_and_one_for_each_thing_it_led_to(
    tmp_path: Path, writer: Writer, n_passed: int, text: str, *, announced: bool
) -> None:
    """In whatever form it came: in the usual one it is not looked into, in any other it is masked."""
    settings = CallSettings(announcement_audio="////", announcement="Recorded.")
    fixture = FixtureFile(settings, tmp_path / "a.call.jsonl")
    recorded = Recorder([fixture], writer=writer)
    if announced:
        recorded.follow(ScriptedCall().call, 1)
    passed: list[Output] = [events.AppendAudio(sample.b64(bytes([n]) * 160)) for n in range(n_passed)]
    recorded.frame(5, text.encode(), sample.parsed_frame(text), passed, 2)
    closed(recorded)
    seen, *sent = sample.lines_of(fixture.path)[1:]
    assert (seen["us"], seen["way"], seen["socket"]) == (5, "phone>bot", 0)
    assert seen["message"]["media"]["payload"] == (sample.b64(b"\x55" * 160) if announced else silence(160))
    assert "5555550142" not in str(seen)
    assert [(line["us"], line["way"], line["socket"]) for line in sent] == [(5, "bot>model", 2)] * n_passed
    heard = [sample.b64(bytes([n]) * 160) if announced else silence(160) for n in range(n_passed)]
    assert [line["message"] for line in sent] == [
        {"type": "input_audio_buffer.append", "audio": audio} for audio in heard
    ]


def test_of_a_frame_is_kept_what_the_files_need_and_nothing_of_another_stream(writer: Writer) -> None:
    own, foreign = (sample.parsed_frame(FRAME.replace(sample.STREAM, sid)) for sid in ("MZ1", "MZ2"))
    kept: dict[tuple[FileKind, ...], list[tuple[bytes, bytes]]] = {}
    ways: list[tuple[FileKind, ...]] = [("recording",), ("fixture",), ("fixture", "recording")]
    for kinds in ways:
        files = [Listed(kind=kind) for kind in kinds]
        recorded = Recorder(files, writer=writer)
        recorded.follow(ScriptedCall().call, 1)
        recorded.frame(5, FRAME.encode(), own, [])
        recorded.frame(6, FRAME.encode(), foreign, [])
        closed(recorded)
        frames = [row[2] for row in files[0].rows if isinstance(row[2], CallerFrame)]
        kept[kinds] = [(frame.audio, frame.text) for frame in frames]
    audio, text = b"\x55" * 160, FRAME.encode()
    assert kept == {
        ("recording",): [(audio, b""), (b"", b"")],
        ("fixture",): [(b"", text), (b"", text)],
        ("fixture", "recording"): [(audio, text), (b"", text)],
    }


def test_where_the_call_stands_is_noted_when_it_changes(writer: Writer) -> None:
    file = Listed()
    recorded = Recorder([file], writer=writer)
    desk = ScriptedCall(ready=False)
    assert not recorded.follow(desk.call, 1)
    desk = ScriptedCall()
    assert recorded.follow(desk.call, 2)
    assert not recorded.follow(desk.call, 3)
    desk.reply("R1", A=3_000)
    desk.at(20).give(echo("e0.0"))  # a round trip of 20 ms
    assert not recorded.follow(desk.call, 4)
    desk.at(410).give(echo("e0.1"))  # due at 3,000 ms, so no correction
    desk.at(3_160).give(echo("e0.1"))
    assert not recorded.follow(desk.call, 5)
    closed(recorded)
    assert file.rows == [
        (1, "standing", Standing(announced=True), 0),
        (2, "standing", Standing("MZ1", announced=True, ready=True), 0),
    ]


def test_a_file_that_fails_is_given_up_and_the_other_goes_on(writer: Writer) -> None:
    bad, good = Listed(breaks="write"), Listed()
    with capture_logs() as logs:
        recorded = Recorder([bad, good], writer=writer)
        recorded.input(1, "note", inputs.Tick())
        closed(recorded)
    assert (len(good.rows), recorded.failed, writer.failures) == (1, False, 1)
    assert [(entry["event"], entry["error"]) for entry in logs] == [("recording_failed", "no write")]
    assert bad.closed


def test_a_file_whose_end_cannot_be_written_has_failed_too(writer: Writer) -> None:
    with capture_logs() as logs:
        recorded = closed(Recorder([Listed(breaks="over")], writer=writer))
    assert (recorded.failed, writer.failures) == (True, 1)
    assert [entry["event"] for entry in logs] == ["recording_failed"]


def test_a_file_that_cannot_be_closed_is_told_of(writer: Writer) -> None:
    with capture_logs() as logs:
        closed(Recorder([Listed(breaks="close"), last := Listed()], writer=writer))
    assert [entry["event"] for entry in logs] == ["recording_not_closed"]
    assert last.closed


@pytest.mark.parametrize("broken", ["directory", "disk", "bug"])
@pytest.mark.parametrize("kind", [FixtureFile, AudioFile])
def test_a_disk_that_fails_is_counted_logged_once_and_disturbs_nothing(
    tmp_path: Path, writer: Writer, kind: Any, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.call"
    if broken == "directory":
        (tmp_path / "file").write_text("in the way")
        path = tmp_path / "file" / "a.call"
    elif broken == "disk":
        full = os.open("/dev/full", os.O_RDWR)
        monkeypatch.setattr(new_file.os, "open", lambda *_: full)
    else:
        monkeypatch.setattr(kind, "_opened", lambda self: 1 / 0)
    with capture_logs() as logs:
        recorded = Recorder([kind(CallSettings(), path) if kind is FixtureFile else kind(path)], writer=writer)
        desk = ScriptedCall()
        text = sample.media(0, b"\x55" * 160)
        for n in range(100):
            recorded.frame(n * 20_000, text.encode(), sample.parsed_frame(text), [])
            recorded.follow(desk.call, n * 20_000)
        closed(recorded)
        recorded.input(99, "note", inputs.Tick())
        monkeypatch.undo()
        good = FixtureFile(CallSettings(), tmp_path / "good.call.jsonl")
        closed(Recorder([good], writer=writer))
    assert (recorded.failed, writer.failures) == (True, 1)
    assert [entry["event"] for entry in logs if entry["event"] == "recording_failed"] == ["recording_failed"]
    assert read_fixture(good.path).lines == ()


def test_a_disk_that_hangs_costs_the_recording_and_not_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MAX_PENDING", 10)
    writer = Writer(flush_s=60)
    recorded = Recorder([Listed(), Listed()], writer=writer)
    for n in range(11):
        recorded.input(n, "note", inputs.Tick())
    with capture_logs() as logs:
        writer.stop()
    assert recorded.failed
    assert [entry["error"] for entry in logs] == ["the disk is 11 messages behind"] * 2


def test_what_has_come_is_written_and_flushed_while_the_call_runs(writer: Writer) -> None:
    file = Listed()
    recorded = Recorder([file], writer=writer)
    recorded.input(5, "phone>bot", '{"event":"connected"}')
    closed(Recorder([Listed()], writer=writer))  # orders are handled one by one: the thread looks again after this
    for _ in range(500):
        if file.rows and file.flushes:
            break
        recorded.wait(0.01)
    assert len(file.rows) == 1
    assert file.flushes


def test_what_is_recorded_can_be_read_within_a_second_of_a_crash(tmp_path: Path, writer: Writer) -> None:
    assert FLUSH_S < 1
    file = FixtureFile(CallSettings(), tmp_path / "a.call.jsonl")
    recorded = Recorder([file], writer=writer)
    recorded.input(5, "phone>bot", '{"event":"connected"}')
    closed(Recorder([Listed()], writer=writer))
    for _ in range(500):
        if file.made and len(sample.lines_of(file.path)) == 2:
            break
        recorded.wait(0.01)
    assert [line.us for line in read_fixture(file.path).lines] == [5]
    assert not recorded.wait(0), "the file was closed"


def test_the_files_there_are_are_told(tmp_path: Path, writer: Writer) -> None:
    fixture, audio = FixtureFile(CallSettings(), tmp_path / "a.call.jsonl"), AudioFile(tmp_path / "a.call.wav")
    recorded = Recorder([fixture, audio], writer=writer)
    assert recorded.made() == []
    closed(recorded)
    assert recorded.made() == [("fixture", tmp_path / "a.call.jsonl")]  # nothing was there to be heard
    assert recorded.of_kind("recording") is audio
    assert recorded.of_kind("export") is None
