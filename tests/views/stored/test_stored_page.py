from __future__ import annotations

import base64
import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.recording.fixture import read_fixture
from bot.store.rows import EventKept
from bot.views.call_sound import CallSound, sound_of_timeline, wav_of
from bot.views.stored import stored_page
from bot.views.timeline import timeline
from tests.views.stored import calls_sample as sample
from tests.views.test_call_page import Page

FIXTURE = Path(__file__).parents[2] / "fixtures/fully-generated.call.jsonl.gz"
LOUD = CallSound(0, b"\x01" * 8000, b"\x02" * 8000)


def written(sid: str, name: str = "call.html") -> tuple[str, Page]:
    """The page as text and as a browser would read it."""
    result = CliRunner().invoke(app, ["calls", sid, "--html", name])
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{name}\n", ""), result.output
    text = Path(name).read_text()
    return text, Page(text)


@pytest.fixture
def recorded(record_dir: Path) -> Path:
    (record_dir / "a.call.wav").write_bytes(wav_of(LOUD))
    sample.fill(record_dir, sample.kept(record_dir, sample.CUT, "a.call.wav", "recording", after_s=5.4))
    return record_dir


@pytest.fixture
def with_fixture(record_dir: Path) -> Path:
    shutil.copy(FIXTURE, record_dir / "a.call.jsonl.gz")
    sample.fill(record_dir, sample.kept(record_dir, sample.CUT, "a.call.jsonl.gz", "fixture"))
    return record_dir


def test_a_recording_is_played_from_within_and_drawn_where_it_was_in_the_call(recorded: Path) -> None:
    data = written(sample.CUT)[1].data
    assert base64.urlsafe_b64decode(data["sound"]["caller"]) == LOUD.caller
    assert data["sound"]["start"] == 5000  # it is known from 5.4 s on, is a second long, and the call had six
    assert data["durationMs"] == 6000
    heard = base64.urlsafe_b64decode(data["heard"])
    assert [heard[249], heard[250] > 0, heard[299] > 0, heard[300]] == [0, True, True, 0]


def test_the_transcript_is_the_store_s(recorded: Path) -> None:
    _, page = written(sample.CUT)
    assert [(turn["from"], turn["text"], turn["unheardText"]) for turn in page.data["turns"]] == [
        (900, sample.SAID, sample.UNHEARD),
        (1950, "Where is my order?", ""),
        (3600, "It is on its way.", ""),
    ]
    assert page.data["bargeIns"] == [{"at": 2100, "item": "item_1", "heard": 1200, "unheard": None}]
    assert {sample.UNHEARD, "model error: code rate limited", "$0.0214", "900 ms"} <= set(page.words)


def test_a_long_recording_is_played_from_beside_the_page(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_page, "LONGEST_INSIDE_S", 0.9)
    Path("pages of mine").mkdir()
    page = written(sample.CUT, "pages of mine/call.html")[1]
    assert page.data["sound"]["beside"] == "../recordings/a.call.wav"
    assert page.policy["media-src"] == "'self' file:"


def test_without_a_recording_the_fixture_is_played_and_drawn(with_fixture: Path) -> None:
    page = written(sample.CUT)[1]
    recorded = read_fixture(FIXTURE)
    story = timeline(recorded)
    sound = sound_of_timeline(story)
    assert sound is not None
    assert base64.urlsafe_b64decode(page.data["sound"]["heard"]) == sound.heard
    assert len(page.data["marks"]) == len(story.marks)
    assert [turn["text"] for turn in page.data["turns"]] == [sample.SAID, "Where is my order?", "It is on its way."]


def test_a_recording_with_a_fixture_ends_where_the_fixture_does(with_fixture: Path) -> None:
    (with_fixture / "a.call.wav").write_bytes(wav_of(LOUD))
    sample.fill(with_fixture, sample.kept(with_fixture, sample.CUT, "a.call.wav", "recording", after_s=60), only=[])
    data = written(sample.CUT)[1].data
    recorded = read_fixture(FIXTURE)
    assert data["sound"]["start"] == (timeline(recorded).duration_us - 1_000_000) / 1000
    assert base64.urlsafe_b64decode(data["sound"]["caller"]) == LOUD.caller


def test_words_that_were_thrown_away_do_not_come_back_from_the_fixture(with_fixture: Path) -> None:
    sample.purge_words(with_fixture)
    text, page = written(sample.CUT)
    assert [turn["text"] for turn in page.data["turns"]] == ["", "", ""]
    said = [turn.text for turn in timeline(read_fixture(FIXTURE)).turns if turn.text]
    assert said
    assert not any(words in text for words in said)


def test_without_any_file_there_is_the_transcript_alone(filled: Path) -> None:
    page = written(sample.CRASHED)[1]
    assert page.data["sound"] is None
    assert page.data["audio"] is False
    assert [turn["text"] for turn in page.data["turns"]] == ["Hello?"]


def test_hostile_words_are_text_in_the_page(filled: Path) -> None:
    text, page = written(sample.LATE)
    assert not any(raw in text for raw in ("<script>alert", "<img", "\x1b", "\u202e"))
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "iframe", "object", "link"})
    assert any("<script>alert('x')</script>" in words for words in page.words)


def test_a_file_that_cannot_be_used_is_told_and_costs_only_itself(recorded: Path) -> None:
    (recorded / "a.call.wav").write_bytes(b"no sound")
    (recorded / "a.call.jsonl").write_text("no fixture\n")
    sample.fill(recorded, sample.kept(recorded, sample.CUT, "a.call.jsonl", "fixture"), only=[])
    result = CliRunner().invoke(app, ["calls", sample.CUT, "--html", "call.html"])
    assert (result.exit_code, result.stdout) == (0, "call.html\n")
    assert [line.partition(" is ")[0].partition(",")[0] for line in result.stderr.splitlines()] == [
        f"{recorded}/a.call.jsonl",
        f"{recorded}/a.call.wav",
    ]
    assert Page(Path("call.html").read_text()).data["sound"] is None


def test_an_export_is_private_and_known_to_the_store_before_it_is_full(filled: Path) -> None:
    written(sample.CUT)
    page = Path("call.html").resolve()
    assert page.stat().st_mode & 0o777 == 0o600
    (file,) = sample.stored(filled, sample.CUT).files
    assert (file.kind, file.path) == ("export", str(page))


def test_an_export_the_store_cannot_be_told_of_holds_nothing(filled: Path) -> None:
    with sqlite3.connect(filled / "calls.sqlite") as database:
        database.execute("DROP TABLE files")
        database.execute("CREATE TABLE files (path, call_sid, kind, at, CHECK (kind != 'export'))")
    database.close()
    result = CliRunner().invoke(app, ["calls", sample.CUT, "--html", "call.html"])
    assert result.exit_code == 1
    assert "does not answer" in result.stderr
    assert Path("call.html").read_bytes() == b""


def test_a_place_that_cannot_be_written_is_told_in_a_sentence(filled: Path) -> None:
    result = CliRunner().invoke(app, ["calls", sample.CUT, "--html", "nowhere/call.html"])
    assert (result.exit_code, result.stderr) == (1, "nowhere/call.html can't be written: No such file or directory.\n")
    assert sample.stored(filled, sample.CUT).files == []


TAKEN_OVER = FIXTURE.with_name("taken-over-and-handed-back.call.jsonl.gz")
HAD = (
    EventKept(sample.CUT, 8, 2_500_000, "taken_over", "info", {"by": "Ada", "waited_ms": 0}),
    EventKept(sample.CUT, 9, 3_500_000, "handed_back", "info", {"by": "Ada", "why": "asked", "seconds": 1, "turns": 0}),
)


def test_a_page_tells_when_an_operator_spoke_though_the_store_has_no_words_of_theirs(record_dir: Path) -> None:
    shutil.copy(TAKEN_OVER, record_dir / "a.call.jsonl.gz")
    sample.fill(record_dir, sample.kept(record_dir, sample.CUT, "a.call.jsonl.gz", "fixture"))
    text, page = written(sample.CUT)
    assert [turn["text"] for turn in page.data["turns"] if turn["item"] == "operator_1"] == ["(an operator speaks)"]
    assert [turn["from"] for turn in page.data["turns"]] == sorted(turn["from"] for turn in page.data["turns"])
    assert text.count('class="event operator"') == 2


def test_without_a_fixture_it_tells_who_had_the_call(record_dir: Path) -> None:
    sample.fill(record_dir, *HAD)
    text, page = written(sample.CUT)
    assert {"taken over: by Ada, waited 0 ms", "handed back: by Ada, why asked, seconds 1, turns 0"} <= set(page.words)
    assert text.count('class="event operator"') == 2
