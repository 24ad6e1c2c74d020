from __future__ import annotations

import base64
import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import RFC_4122

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.views.call_sound import CallSound, sound_of_recording, wav_of
from bot.views.stored.vcon import uuid8
from tests.views.stored import calls_sample as sample
from tests.views.stored.vcon_schema import Incomplete, Recording, Text, Vcon, checked

FIXTURE = Path(__file__).parents[2] / "fixtures/fully-generated.call.jsonl.gz"
SOUND = CallSound(0, b"\x01" * 8000, b"\x02" * 8000)


def exported(sid: str) -> Vcon:
    result = CliRunner().invoke(app, ["calls", sid, "--vcon", "call.vcon"])
    assert (result.exit_code, result.stdout) == (0, "call.vcon\n"), result.output
    return checked(Path("call.vcon").read_bytes())


def test_a_recorded_call_has_its_recording_with_a_party_on_each_channel(record_dir: Path) -> None:
    (record_dir / "a.call.wav").write_bytes(wav_of(SOUND))
    sample.fill(record_dir, sample.kept(record_dir, sample.CUT, "a.call.wav", "recording", after_s=5))
    found = exported(sample.CUT)
    (recording,) = found.dialog
    assert isinstance(recording, Recording)
    assert [party.type for party in found.parties] == ["person", "bot"]
    assert (recording.parties, recording.duration, recording.filename) == ([0, 1], 1.0, "a.call.wav")
    assert recording.start == sample.BEGAN + timedelta(seconds=5)
    assert base64.urlsafe_b64decode(f"{recording.body}===") == wav_of(SOUND)


def test_a_call_with_a_fixture_alone_has_what_that_holds_as_its_recording(record_dir: Path, tmp_path: Path) -> None:
    shutil.copy(FIXTURE, record_dir / "a.call.jsonl.gz")
    sample.fill(record_dir, sample.kept(record_dir, sample.CUT, "a.call.jsonl.gz", "fixture"))
    (recording,) = exported(sample.CUT).dialog
    assert isinstance(recording, Recording)
    (tmp_path / "a.wav").write_bytes(base64.urlsafe_b64decode(f"{recording.body}==="))
    assert sound_of_recording(tmp_path / "a.wav").seconds == pytest.approx(recording.duration, abs=0.001)
    assert recording.filename == f"{sample.CUT}.wav"


def test_a_call_without_sound_has_its_words_as_text(filled: Path) -> None:
    dialog = exported(sample.CUT).dialog
    assert [(text.body, text.parties, text.duration) for text in dialog if isinstance(text, Text)] == [
        (sample.SAID, [1, 0], 1.2),
        ("Where is my order?", [0, 1], 1.05),
        ("It is on its way.", [1, 0], 1.5),
    ]
    assert dialog[0].start == sample.BEGAN + timedelta(milliseconds=900)


def test_a_call_that_came_to_nothing_is_incomplete(filled: Path) -> None:
    (dialog,) = exported(sample.BARE).dialog
    assert isinstance(dialog, Incomplete)
    assert dialog.disposition == "failed"


def test_the_transcript_tells_what_was_cut_and_what_was_never_heard(filled: Path) -> None:
    (transcript,) = exported(sample.CUT).analysis
    assert transcript.type == "transcript"
    assert transcript.dialog == [0, 1, 2]
    assert transcript.body[0] == {
        "party": 1,
        "start": "2026-01-20T14:03:12.900Z",
        "duration": 1.2,
        "text": sample.SAID,
        "cut": True,
        "unheard": sample.UNHEARD,
    }


def test_words_nobody_wrote_down_are_null_in_the_transcript_and_no_dialog(filled: Path) -> None:
    found = exported(sample.LATE)
    assert [turn["text"] for turn in found.analysis[0].body] == [sample.HOSTILE, "I see.", None]
    assert len(found.dialog) == 2


def test_the_record_is_attached_without_what_finds_the_caller(filled: Path) -> None:
    (record,) = exported(sample.CUT).attachments
    assert (record.body["nano_usd"], record.body["reason"], record.body["sid"]) == (
        21_376_000,
        "caller_hung_up",
        sample.CUT,
    )
    assert {"caller", "caller_hash", "owner"}.isdisjoint(record.body)


def test_a_withheld_number_is_anonymous_and_a_masked_one_is_a_name(filled: Path) -> None:
    assert exported(sample.BARE).parties[0].name == "anonymous"
    assert exported(sample.CUT).parties[0].name == sample.MASKED


def test_its_name_is_of_version_8_from_time_chance_and_host() -> None:
    now = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
    name = uuid8(now, "bot.example.com", 0xABC)
    assert (name.version, name.variant) == (8, RFC_4122)
    assert name.int >> 80 == int(now.timestamp() * 1000)
    assert name.int >> 64 & 0xFFF == 0xABC
    digest = int.from_bytes(hashlib.sha1(b"bot.example.com").digest(), "big")
    assert name.int & (1 << 62) - 1 == digest >> 98


def test_two_exports_have_two_names(filled: Path) -> None:
    assert len({exported(sample.CUT).uuid for _ in range(3)}) > 1


@pytest.mark.parametrize(
    "change",
    [
        {"vcon": "0.3.0"},
        {"uuid": "1"},
        {"created_at": "2026-11-22"},
        {"parties": [{"tel": "+15555550142"}]},
        {"dialog": []},
        {"dialog": [{"type": "recording"}]},
        {"attachments": [{"purpose": "x"}]},
        {"color": "red"},
    ],
)
def test_the_check_refuses_what_the_draft_does(filled: Path, change: dict[str, object]) -> None:
    exported(sample.CUT)
    whole = json.loads(Path("call.vcon").read_bytes()) | change
    with pytest.raises(ValueError, match=r"."):
        checked(json.dumps(whole).encode())


def test_a_result_stands_as_a_summary_and_an_attachment(filled: Path) -> None:
    sample.give_result(filled, sample.CUT)
    found = exported(sample.CUT)
    assert [(one.type, one.body) for one in found.analysis if one.type == "summary"] == [("summary", sample.SUMMARY)]
    (result,) = (one for one in found.attachments if one.purpose == "call result")
    assert result.body == {"disposition": "follow_up", "fields": sample.FIELDS}
