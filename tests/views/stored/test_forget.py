"""`bot forget`, by what it erases and what it says."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.call.settings import CallSettings
from bot.cli import app
from bot.recording.fixture import VERSION, Header, write_fixture
from bot.store.results import Forgotten
from bot.views.stored import forget_messages
from tests.views.stored import calls_sample as sample

NOTHING = Forgotten(calls=0, turns=0, usages=0, events=0, erased=[], outside=[], missing=[], failed={}, live=[])


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, ["forget", *arguments], input=answer)


def sids() -> list[str]:
    return [re.search(r"\bCA\d", line)[0] for line in CliRunner().invoke(app, ["calls"]).stdout.splitlines()[1:-1]]  # type: ignore[index]


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runner's input pass for a person's."""
    monkeypatch.setattr("bot.cli.stored_calls._person_asked", lambda: True)


def test_all_of_a_caller_is_erased_and_told(record_dir: Path) -> None:
    (record_dir / "a.call.wav").write_bytes(b"a voice")
    elsewhere = Path("export.html").resolve()
    elsewhere.write_text("words")
    sample.fill(
        record_dir,
        sample.kept(record_dir, sample.CUT, "a.call.wav", "recording"),
        sample.kept(record_dir, sample.LATE, "b.call.jsonl", "fixture"),
        sample.kept(record_dir, sample.CUT, str(elsewhere), "export"),
    )
    result = run(sample.CALLER, "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    told = result.stdout.splitlines()
    assert [*told[:2], *sorted(told[2:4]), *told[4:]] == [
        "2 calls from 2026-01-20 14:03:12 to 2026-01-21 14:03:12, with all that was said, recorded and exported.",
        "Erased: 2 calls, 6 turns, 2 uses of tokens, 2 events and 2 files.",
        f"  {elsewhere} (outside the recording directory)",
        f"  {record_dir}/a.call.wav",
        "1 file known here but not on this machine:",
        f"  {record_dir}/b.call.jsonl",
        forget_messages.UNKNOWN,
    ]
    assert not elsewhere.exists()
    assert not (record_dir / "a.call.wav").exists()
    assert sids() == ["CA5", "CA4", "CA3"]
    assert all(sample.SAID.encode() not in path.read_bytes() for path in record_dir.iterdir())


def test_an_export_made_by_the_command_is_erased_too(filled: Path) -> None:
    CliRunner().invoke(app, ["calls", sample.CUT, "--html", "a.html", "--vcon", "a.vcon"])
    assert Path("a.html").exists()
    assert Path("a.vcon").exists()
    assert run(sample.CALLER, "--yes").exit_code == 0
    assert not Path("a.html").exists()
    assert not Path("a.vcon").exists()


@pytest.mark.parametrize("place", [".", "recordings", "pages/of/calls"])
def test_a_page_of_a_fixture_is_erased_wherever_it_was_written(filled: Path, place: str) -> None:
    settings = CallSettings(call_sid=sample.CUT)
    fixture = filled / f"20260120T140312Z-{sample.CUT}.call.jsonl"
    write_fixture(fixture, Header(VERSION, "2026-01-20T14:03:12+00:00", settings), [])
    page = Path(place) / "page.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    shown = CliRunner().invoke(app, ["show", str(fixture), "--html", str(page)])
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, f"{page}\n", "")
    assert page.stat().st_mode & 0o777 == 0o600
    result = run(sample.CALLER, "--yes")
    assert (result.exit_code, str(page.resolve()) in result.stdout) == (0, True)
    assert not page.exists()
    assert not fixture.exists()


def test_a_page_of_a_call_that_no_store_here_knows_is_written_and_said_to_be_unknown(filled: Path) -> None:
    settings = CallSettings(call_sid="CA" + "9" * 32)
    write_fixture("a.call.jsonl", Header(VERSION, "2026-01-20T14:03:12+00:00", settings), [])
    for more in ({}, {"DATABASE_URL": "postgresql://bot:open-sesame@127.0.0.1:1/calls"}, {"BOT_RECORD_DIR": "none"}):
        shown = CliRunner().invoke(app, ["show", "a.call.jsonl", "--html", "a.html"], env=more)
        assert (shown.exit_code, shown.stdout) == (0, "a.html\n")
        assert shown.stderr == "No call store here knows this call: `bot forget` will not find the page.\n"


def test_copies_deeper_in_the_recording_directory_are_erased_by_their_names(filled: Path) -> None:
    kept = filled / "to show" / f"copy of {sample.CUT}.call.jsonl"
    other = filled / "to show" / f"{sample.BARE}.call.jsonl"
    kept.parent.mkdir()
    for path in (kept, other):
        path.write_bytes(b"a voice")
    assert run(sample.CALLER, "--yes").exit_code == 0
    assert (kept.exists(), other.exists()) == (False, True)


def test_a_person_is_asked_first(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_terminal(monkeypatch)
    refused = run(sample.CALLER, answer="n\n")
    assert (refused.exit_code, refused.stderr) == (1, "Nothing was erased.\n")
    assert sids() == ["CA5", "CA4", "CA3", "CA2", "CA1"]
    assert run(sample.CALLER, answer="y\n").exit_code == 0
    assert sids() == ["CA5", "CA4", "CA3"]


def test_where_nobody_can_be_asked_nothing_is_erased_without_yes(filled: Path) -> None:
    result = run(sample.CALLER, answer="y\n")
    assert (result.exit_code, result.stderr) == (2, "Nothing was erased: add --yes where nobody can be asked.\n")
    assert len(sids()) == 5


def test_a_call_that_goes_on_is_named(filled: Path) -> None:
    result = run(sample.OTHER, "--yes")
    assert result.stdout.splitlines()[-2:] == [
        f"The call {sample.LIVE} goes on: nothing more of it is stored.",
        forget_messages.UNKNOWN,
    ]
    assert sids() == ["CA4", "CA2", "CA1"]


def test_what_could_not_be_erased_is_told_and_fails_until_it_is(record_dir: Path) -> None:
    stubborn = record_dir / "a.call.wav"
    stubborn.mkdir()  # no file: unlink refuses it
    sample.fill(record_dir, sample.kept(record_dir, sample.CUT, "a.call.wav", "recording"))
    result = run(sample.CALLER, "--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{stubborn} could not be erased: ")
    assert result.stderr.endswith("Mend that, and run `bot forget` again.\n")
    stubborn.rmdir()
    stubborn.write_bytes(b"a voice")
    assert run(sample.CALLER, "--yes").exit_code == 0
    assert not stubborn.exists()
    assert sids() == ["CA5", "CA4", "CA3"]


def test_a_number_without_calls_is_nothing_to_forget(filled: Path) -> None:
    result = run("+15555550100")
    assert (result.exit_code, result.stdout) == (0, "No call of this number is on record.\n")
    assert len(sids()) == 5


def test_without_a_store_nothing_is_made(record_dir: Path) -> None:
    result = run(sample.CALLER)
    assert (result.exit_code, result.stdout) == (0, "No call of this number is on record.\n")
    assert list(record_dir.iterdir()) == []


def test_what_is_no_number_is_refused_without_repeating_it(filled: Path) -> None:
    result = run("555-0142", "--yes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "The number is not a telephone number in E.164 form, such as +15555550142.\n"


def test_it_works_while_another_process_has_the_store_open(filled: Path) -> None:
    server = sqlite3.connect(filled / "calls.sqlite")
    try:
        assert server.execute("SELECT count(*) FROM calls").fetchone() == (5,)
        assert run(sample.CALLER, "--yes").exit_code == 0
        assert server.execute("SELECT count(*) FROM calls").fetchone() == (3,)
    finally:
        server.close()


def test_words_that_a_reader_keeps_in_the_log_are_a_failure() -> None:
    assert list(forget_messages.failures(NOTHING)) == []
    (sentence,) = forget_messages.failures(
        Forgotten(**{f: getattr(NOTHING, f) for f in NOTHING.__struct_fields__} | {"in_log": True})
    )
    assert sentence == "The database's log still holds erased words, since somebody reads it; run `bot forget` again."
