"""`bot calls`, by what it prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from bot.call.facts import UsageFact
from bot.cli import app
from bot.store.results import CallSummary, StoredCall
from bot.store.rows import LATER, EventKept, FileKept, UsageKept
from tests.postgres import Server
from tests.views.stored import calls_sample as sample


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calls", *arguments])


def lines(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def listed(*arguments: str) -> list[str]:
    """The SIDs in the list, by their first three letters."""
    return [re.search(r"\bCA\d", line)[0] for line in lines(*arguments)[1:-1]]  # type: ignore[index]


# ---- the list ----


def test_without_a_store_there_is_a_sentence_and_none_is_made(record_dir: Path) -> None:
    assert lines() == ["No call is stored yet."]
    assert list(record_dir.iterdir()) == []


def test_all_calls_are_listed_the_newest_first_with_their_total(filled: Path) -> None:
    assert listed() == ["CA5", "CA4", "CA3", "CA2", "CA1"]
    assert lines()[-1] == "5 calls, 1:01:42 and $0.0214 in all."


def test_a_row_tells_when_how_long_who_why_and_what_it_cost(filled: Path) -> None:
    rows = [" ".join(line.split()) for line in lines()]
    assert f"2026-01-20 14:03:12 0:06 {sample.MASKED} caller_hung_up 3 1 $0.0214 {sample.CUT}" in rows
    assert f"2026-01-22 14:03:12 0:01 withheld refused 0 $0.0000 {sample.BARE}" in rows
    assert f"2026-01-21 15:03:12 1:00:05 +*********77 crashed 1 $0.0000 {sample.CRASHED} clinic" in rows
    assert f"2026-01-23 14:03:12 +*********77 live 0 $0.0000 {sample.LIVE}" in rows


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--day", "2026-01-21"), ["CA3", "CA2"]),
        (("--since", "2026-01-21T14:30", "--until", "2026-01-22"), ["CA4", "CA3"]),
        (("--number", sample.CALLER), ["CA2", "CA1"]),
        (("--number", "+1 (555) 555-0177"), ["CA5", "CA3"]),
        (("--reason", "crashed"), ["CA3"]),
        (("--reason", "live"), ["CA5"]),
        (("--min-usd", "0.0213"), ["CA1"]),
        (("--limit", "2"), ["CA5", "CA4"]),
        (("--profile", "clinic"), ["CA3"]),
        (("--profile", ""), ["CA5", "CA4", "CA2", "CA1"]),
    ],
)
def test_the_list_is_filtered(filled: Path, options: tuple[str, ...], found: list[str]) -> None:
    assert listed(*options) == found


def test_a_sid_can_be_copied_from_a_terminal_of_80_columns(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    shown = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in lines()]
    assert [line.split()[0] for line in shown if line.startswith("  CA")] == [
        *(sample.LIVE, sample.BARE, sample.CRASHED, sample.LATE, sample.CUT)
    ]
    assert max(map(len, shown)) <= 80


def test_today_and_yesterday_may_stand_alone(filled: Path) -> None:
    for word in ("today", "yesterday", "2d", "3h"):
        assert lines(word) == ["No stored call is like that."]
    assert listed("2026-01-21") == ["CA3", "CA2"]
    assert listed("2026-01-21", "--reason", "crashed") == ["CA3"]


def test_that_there_are_more_is_said(filled: Path) -> None:
    assert lines("--limit", "2")[-1].endswith("; there are older ones, which a higher --limit shows.")
    assert lines("--limit", "5")[-1].endswith(" in all.")


def test_a_list_that_nothing_matches_is_a_sentence(filled: Path) -> None:
    assert lines("--day", "2025-01-01") == ["No stored call is like that."]


def test_the_list_for_machines_has_every_field_and_the_sums(filled: Path) -> None:
    told = json.loads(run("--json", "--limit", "4").stdout)
    assert told.keys() == {"calls", "seconds", "nano_usd", "more"}
    assert [call["sid"] for call in told["calls"]] == [sample.LIVE, sample.BARE, sample.CRASHED, sample.LATE]
    assert set(told["calls"][0]) == set(CallSummary.__struct_fields__)
    assert (told["seconds"], told["nano_usd"], told["more"]) == (3696.0, 0, True)


def test_no_number_is_ever_asked_of_the_database(filled: Path) -> None:
    run("--number", sample.CALLER)
    assert all(sample.CALLER[1:].encode() not in path.read_bytes() for path in filled.iterdir())


def test_without_its_key_a_store_finds_no_caller_and_says_so(filled: Path) -> None:
    (filled / "calls.key").unlink()
    result = run("--number", sample.CALLER)
    assert (result.exit_code, (filled / "calls.key").exists()) == (2, False)
    assert "calls.key is not there, and no other finds a caller again; put it back." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--reason", "bored"), "--reason bored is no reason for which calls end"),
        (("--html", "a.html"), "Name the call that --html or --vcon shall write, by its SID."),
        (("CA1", "--day", "2026-01-20"), "A call is named by its SID alone: leave the filters away."),
        (("CA",), "Several calls begin with CA, such as"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(filled: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(sentence)


def test_a_file_that_is_no_store_is_told_in_a_sentence(record_dir: Path) -> None:
    (record_dir / "calls.sqlite").write_text("hello, I am no database at all" * 100)
    result = run()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "calls.sqlite does not answer (file is not a database); look at DATABASE_URL." in result.stderr


# ---- one call ----


def after(heading: str, told: list[str]) -> list[str]:
    """The lines under a heading, their blanks made one."""
    rest = told[told.index(heading) + 1 :]
    stop = next((n for n, line in enumerate(rest) if line in HEADINGS), len(rest))
    return [" ".join(line.split()) for line in rest[:stop] if line]


HEADINGS = {"What was said", "How long the caller waited", "What it cost", "What happened", "Files"}


HAPPENED = ["2.100 interrupted: heard_ms 1200", "4.000 warning model_error: code rate_limited"]


def test_what_came_after_a_call_is_told_last_and_without_a_time(record_dir: Path) -> None:
    after_it = EventKept(sample.CUT, LATER + 7, 0, "dialled", "info", {"status": "completed"})
    sample.fill(record_dir, after_it)
    assert after("What happened", lines("CA1")) == [*HAPPENED, "dialled: status completed"]


def test_a_call_is_shown_by_the_beginning_of_its_sid(filled: Path) -> None:
    told = lines("CA1")
    assert told[:4] == [
        f"call {sample.CUT}, 2026-01-20 14:03:12",
        f"from {sample.MASKED} to +*********00, 0:06, ended: caller_hung_up, model {sample.MODEL}, settings 3fa94c0d71aa",
        "3 turns, interrupted once",
        "2 changes of this call could not be stored; what is below is not all.",
    ]


def test_what_was_cut_is_marked_and_the_unheard_rest_stands_apart(filled: Path) -> None:
    assert after("What was said", lines("CA1")) == [
        f"0.900 2.100 bot {sample.SAID} [cut]",
        f"not heard: {sample.UNHEARD}",
        "1.950 3.000 caller Where is my order?",
        "3.600 5.100 bot It is on its way.",
    ]


def test_waits_warnings_and_costs_are_shown(filled: Path) -> None:
    told = lines("CA1")
    assert after("How long the caller waited", told)[1:] == [
        "webhook to greeting heard 900",
        "caller silent to first byte heard 610 702",
        "caller heard to silence 1",
    ]
    assert after("What happened", told) == HAPPENED
    assert after("What it cost", told) == [
        "what status model in cached out seconds money",
        f"response resp_1 cancelled {sample.MODEL} 300 40 90 $0.0126",
        "transcription item_2 gpt-transcribe 4.0 $0.0003",
        "model kind amount price money",
        f"{sample.MODEL} text in 100 $4.0000 a million $0.0004",
        f"{sample.MODEL} audio in 200 $32.0000 a million $0.0064",
        f"{sample.MODEL} audio cached 40 $0.4000 a million $0.0000",
        f"{sample.MODEL} audio out 90 $64.0000 a million $0.0058",
        "gpt-transcribe seconds 4.0 $0.0045 a minute $0.0003",
        "the model $0.0126",
        "the transcription $0.0003",
        "the telephone line $0.0085",
        "all of it $0.0214",
    ]


def test_a_price_that_does_not_give_what_was_stored_is_not_shown(record_dir: Path) -> None:
    usage = UsageFact(9, "response", "resp_9", sample.MODEL, "completed", {"text_in": 10}, 0.0, 39_999)
    sample.fill(record_dir, UsageKept(sample.BARE, sample.BEGAN, usage))
    assert f"{sample.MODEL} text in 10" in after("What it cost", lines("CA4"))


def test_what_has_no_price_is_said_to_have_none(record_dir: Path) -> None:
    usage = UsageFact(9, "response", "resp_9", "gpt-next", "completed", {"text_in": 10}, 0.0, 0, priced=False)
    sample.fill(record_dir, UsageKept(sample.BARE, sample.BEGAN, usage))
    assert after("What it cost", lines("CA4"))[1] == "response resp_9 completed gpt-next 10 no price"


def test_late_words_stand_in_their_place_and_do_nothing_to_the_terminal(filled: Path) -> None:
    said = after("What was said", lines("CA2"))
    assert said[0].startswith("1.000 2.000 caller <script>alert('x')</script>")
    assert said[0].endswith("\\x1b[31m \\u202eevil")
    assert said[1:] == ["2.500 3.000 bot I see.", "3.500 4.000 caller (no transcript)"]


def test_a_crashed_a_bare_and_a_live_call_are_shown_as_what_they_are(filled: Path) -> None:
    assert "1:00:05, ended: crashed" in lines("CA3")[1]
    assert lines("CA4")[1:] == [
        "from a withheld number, 0:01, ended: refused",
        "0 turns, never interrupted",
        "",
        "What was said",
        "Nothing.",
    ]
    assert lines("CA5")[1] == "from +*********77, live"
    assert lines("CA5")[-1] == "Nothing yet."


def test_files_that_are_gone_are_marked(record_dir: Path) -> None:
    (record_dir / "a.wav").write_bytes(b"")
    here = sample.kept(record_dir, sample.CUT, "a.wav", "recording")
    gone = sample.kept(record_dir, sample.CUT, "b.wav", "recording", after_s=1)
    sample.fill(record_dir, here, gone)
    assert after("Files", lines("CA1")) == [
        f"recording {record_dir}/a.wav",
        f"recording {record_dir}/b.wav (not on this machine)",
    ]


def test_one_call_for_machines_is_all_that_is_stored(record_dir: Path) -> None:
    gone = sample.kept(record_dir, sample.CUT, "b.wav", "recording")
    sample.fill(record_dir, gone)
    told: dict[str, Any] = json.loads(run("CA1", "--json").stdout)
    assert [file.pop("exists") for file in told["files"]] == [False]
    assert msgspec.convert(told, StoredCall) == sample.stored(record_dir, sample.CUT)
    assert told["files"] == [msgspec.to_builtins(FileKept(sample.CUT, gone.path, "recording", sample.BEGAN))]


def test_a_sid_that_no_call_has_is_told_in_a_sentence(filled: Path) -> None:
    result = run("CA9")
    assert (result.exit_code, result.stderr) == (
        1,
        "No call on record has a SID that begins with CA9; bot calls lists them.\n",
    )


def test_a_store_that_is_not_there_is_told_without_its_password(
    record_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://bot:open-sesame@127.0.0.1:1/calls")
    result = run()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("The call store postgresql://bot")
    assert " does not answer (" in result.stderr
    assert "open-sesame" not in result.stderr


def test_a_store_in_postgres_is_made_and_asked_alike(
    record_dir: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("postgres"))
    monkeypatch.setenv("BOT_PII_KEY", "ab" * 32)
    assert lines("--number", sample.CALLER) == ["No stored call is like that."]
    assert CliRunner().invoke(app, ["forget", sample.CALLER]).stdout == "No call of this number is on record.\n"
    monkeypatch.delenv("BOT_PII_KEY")
    assert lines() == ["No call is stored yet."]
    assert "BOT_PII_KEY is not set" in run("--number", sample.CALLER).stderr
    assert list(record_dir.iterdir()) == []
