"""The README and the manual keep their promises: their commands run, their tables are complete, their names exist."""

from __future__ import annotations

import ast
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from bot.call.call import Call
from bot.call.inputs import Shutdown
from bot.call.outputs import EndReason
from bot.call.settings import CallSettings
from bot.cli import app
from bot.config.settings_table import variables
from bot.docs import TOPICS
from bot.realtime import events
from bot.realtime.errors import FATAL
from bot.realtime.failures import FailureKind
from bot.realtime.session import SessionSettings
from bot.recording.files.file_writer import Writer
from bot.recording.files.fixture_file import FixtureFile
from bot.recording.files.recorder import Recorder
from bot.store.pii import caller_hash, key_beside
from bot.store.rows import CallEnded, CallStarted, FileKept
from tests.views.stored import calls_sample

ROOT = Path(__file__).parents[1]
PATHS = (ROOT / "README.md", *sorted((ROOT / "bot/docs").glob("*.md")))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in PATHS}
README = TEXTS["README"]
ALL = "\n\n".join(TEXTS.values())
OURS = "\n\n".join(text for name, text in TEXTS.items() if name not in {"openai-realtime", "twilio-voice", "failures"})
"""Texts of the manual without what others have and do."""
BLOCK = re.compile(r"^(?P<ci><!-- ci -->\n)? *```(?P<kind>\w*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)

TRIAL = "python3 -m venv .venv && .venv/bin/pip install '.[offline]' && .venv/bin/bot demo"
TESTS = "python3 -m venv .venv && .venv/bin/pip install '.[offline,test]' && .venv/bin/pytest"
RUN_BELOW = {
    "cp .env.example .env",
    "bot check --env-file .env",
    "bot serve --env-file .env",
    "bot replay recordings/20261122T190000Z-CA0123.call.jsonl",
    "bot show recordings/20261122T190000Z-CA0123.call.jsonl",
    "bot show recordings/20261122T190000Z-CA0123.call.jsonl --html call.html",
    "bot metrics",
    "bot metrics --alerts",
    "bot metrics --dashboard",
    "bot calls",
    "bot calls yesterday",
    "bot calls --since 2d --reason line_lost",
    "bot calls --day 2026-11-22 --reason caller_hung_up",
    "bot calls --number +15555550142 --since 2026-11-01",
    "bot calls --min-usd 0.50 --json",
    "bot calls CA0123",
    "bot calls CA0123 --json",
    "bot calls CA0123 --html call.html",
    "bot calls CA0123 --vcon call.vcon",
    "bot outbox",
    "bot outbox CA0123",
    "bot outbox --again",
    "bot forget +15555550142",
    "bot forget +15555550142 --yes",
    "python -m bot.config table",
    "python -m bot.config example",
}
NEEDS_A_SERVER = {  # what is behind them runs in tests/server and tests/testing; here their options are checked
    "bot call https://bot.example.com/voice --env-file .env",
    "bot call https://bot.example.com/voice --env-file .env --audio question.wav --save call.wav",
}
RUN_ELSEWHERE = {"python -m bot.docs": "tests/docs/test_tables.py"}
NOT_RUN = {  # programs of others, and proofs that take minutes
    "ngrok http 8080",
    "cloudflared tunnel --url http://localhost:8080",
    "pytest --loop both",
    "pytest -m slow -n 0",
    "pip install '.[offline]'",
    "bot model",
    "bot serve --offline --env-file .env",
    "python -m tests.offline.figures",
    "python -m tests.console.pictures",
    "python -m tests.console.softphone.falls_silent",
    "python3 -m venv .venv-clients && PIP_CONSTRAINT=.ci/constraints-clients.txt .venv-clients/bin/pip install '.[offline,test,clients]' && .venv-clients/bin/pytest -n 0 tests/clients",
    "python -m tests.proof.fixtures",
    "python -m tests.proof",
    "python -m tests.proof sockets",
    "python -m tests.proof words",
    "python -m tests.proof moving",
    "python -m tests.proof stopping",
    "python -m tests.proof goodbyes",
    "python -m tests.transfers",
    "python -m tests.faults",
    "python -m tests.faults soak",
    "python -m tests.benchmarks",
    "python -m tests.hostile",
    "python -m tests.fuzz call 60",
    "python -m tests.mutation -n 50",
}


def blocks(kind: str, *, ci: bool | None = None) -> list[str]:
    """The code blocks of that kind, without their indent; `ci`: only those that stand under a `<!-- ci -->` line, or not."""
    found = BLOCK.finditer(ALL)
    return [
        textwrap.dedent(one["body"])
        for one in found
        if one["kind"] == kind and (ci is None or ci == (one["ci"] is not None))
    ]


def commands(*, ci: bool | None = None) -> list[str]:
    return [line for block in blocks("sh", ci=ci) for line in block.splitlines()]


def table_under(heading: str) -> list[list[str]]:
    """The cells of the table under a heading of troubleshooting, without its head."""
    text = TEXTS["troubleshooting"].partition(f"{heading}\n")[2]
    rows = [line for line in text.partition("\n#")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def ticked(cells: list[str]) -> set[str]:
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def first_column(heading: str) -> set[str]:
    return ticked([row[0] for row in table_under(heading)])


# ---- the README ----


def test_the_readme_is_short_and_leads_to_every_topic() -> None:
    assert len(README.splitlines()) <= 250
    assert all(f"(bot/docs/{topic}.md)" in README for topic in TOPICS)


# ---- the commands ----


def test_the_two_commands_come_first() -> None:
    assert commands()[:2] == [TRIAL, TESTS]


def test_every_command_is_run_by_ci_or_below_or_is_known() -> None:
    here = RUN_BELOW | NEEDS_A_SERVER | NOT_RUN | RUN_ELSEWHERE.keys()
    assert sorted(commands(ci=False)) == sorted(here)
    assert all(f'"{line.split()[-1]}"' in (ROOT / test).read_text() for line, test in RUN_ELSEWHERE.items())


def test_ci_runs_the_marked_commands_in_their_order() -> None:
    """.ci/run reads the documents by itself; both readings must give the same."""
    script = 'eval "$(sed -n "/^documented_commands()/,/^}/p" .ci/run)"; documented_commands README.md bot/docs/*.md'
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == commands(ci=True)
    assert commands(ci=True)[:2] == [TRIAL, TESTS]


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("bot ")])
def test_the_command_line_understands(line: str) -> None:
    arguments = shlex.split(line)[1:]
    group: Any = typer.main.get_command(app)
    context = group.make_context("bot", list(arguments))
    name, command, rest = group.resolve_command(context, arguments)
    command.make_context(name, rest, parent=context)  # raises a usage error for what it does not know


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory as the README's reader has it, with their settings in `.env`."""
    for name in list(os.environ):
        if name in variables() or name.startswith("BOT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    subprocess.run(shlex.split("cp .env.example .env"), check=True)
    text = (tmp_path / ".env").read_text()
    values = {"OPENAI_API_KEY=sk-...": "sk-simulated", "TWILIO_ACCOUNT_SID=AC...": "AC" + "0" * 32}
    values |= {"TWILIO_AUTH_TOKEN=...": "0" * 32, "PUBLIC_URL=https://bot.example.com": "https://bot.heardline.dev"}
    (told,) = (block for block in blocks("") if "OPENAI_API_KEY" in block)
    assert told.splitlines() == list(values)
    for line, value in values.items():
        name = line.partition("=")[0]
        assert text.count(f"# {name}=\n") == 1
        text = text.replace(f"# {name}=\n", f"{name}={value}\n")
    (tmp_path / ".env").write_text(text)
    return tmp_path


@pytest.fixture
def recorded(trial: Path) -> Path:
    """A short call of the real core, recorded where the README's commands look for it."""
    path = trial / "recordings/20261122T190000Z-CA0123.call.jsonl"
    settings = CallSettings(session=SessionSettings(instructions="Be kind."))
    call, writer = Call(settings), Writer()
    recorder = Recorder([FixtureFile(settings, path)], writer=writer)
    created = b'{"type":"session.created","event_id":"event_1","session":{"id":"sess_1","type":"realtime"}}'
    recorder.input(1000, "model>bot", created)
    (update,) = call.receive(events.parse(created), 1000)
    assert isinstance(update, events.UpdateSession)
    recorder.output(1000, update)
    recorder.input(2000, "note", Shutdown("drained"))
    for output in call.receive(Shutdown("drained"), 2000):
        recorder.output(2000, output)
    recorder.close()
    writer.stop()
    return path


def ran(line: str) -> str:
    """Run a command of the README in this process; what it printed."""
    assert line in commands()
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("trial")
def test_the_settings_of_the_first_call_are_complete() -> None:
    assert ran("bot check --env-file .env").endswith("Nothing is missing for a real call.\n")


def test_the_server_starts_with_them_and_stops_when_told(trial: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = shlex.split("bot serve --env-file .env")[1:]
    environ = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-m", "bot", *arguments]
    with subprocess.Popen(command, cwd=trial, env=environ, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        listening = any('"listening"' in line for line in iter(server.stderr.readline, ""))
        server.send_signal(signal.SIGTERM)
        rest = server.stderr.read()
        assert listening
    assert server.returncode == 0, rest


def test_a_recorded_call_is_replayed_and_shown(recorded: Path) -> None:
    assert "same" in ran("bot replay recordings/20261122T190000Z-CA0123.call.jsonl")
    assert ran("bot show recordings/20261122T190000Z-CA0123.call.jsonl")
    ran("bot show recordings/20261122T190000Z-CA0123.call.jsonl --html call.html")
    assert (recorded.parents[1] / "call.html").read_text().startswith("<!")


def test_the_metrics_their_alerts_and_their_dashboard_are_printed() -> None:
    assert ran("bot metrics").startswith("heardline_calls_live ")
    assert ran("bot metrics --alerts") == (ROOT / "bot/observe/alerts.yml").read_text(encoding="utf-8")
    assert ran("bot metrics --dashboard") == (ROOT / "bot/observe/dashboard.json").read_text(encoding="utf-8")


@pytest.fixture
def on_record(recorded: Path) -> Path:
    """The same call in the store, with a caller."""
    records = recorded.parent
    hashed = caller_hash("+15555550142", key_beside(records / "calls.sqlite"))
    at = datetime(2026, 11, 22, 19, tzinfo=UTC).astimezone().replace(hour=19)
    calls_sample.fill(
        records,
        only=[
            CallStarted("CA0123", at, "host/1", "+*********42", hashed),
            FileKept("CA0123", str(recorded), "fixture", at),
            CallEnded("CA0123", at + timedelta(seconds=2), "caller_hung_up", 2.0, line_nano_usd=500_000_000),
        ],
    )
    return records.parent


@pytest.mark.parametrize("line", [line for line in sorted(RUN_BELOW) if line.startswith("bot calls")])
def test_a_stored_call_is_found_shown_and_exported(on_record: Path, line: str) -> None:
    told = ran(line)
    written = on_record / shlex.split(line)[-1]
    expected = "No stored call is like that." if {"yesterday", "2d"} & set(line.split()) else "CA0123"
    assert expected in (written.read_text() if written.is_file() else told)


def test_a_caller_is_forgotten(on_record: Path) -> None:
    calls_sample.give_up(on_record / "recordings", "CA0123", "the answer is 500")
    assert "1 given up" in ran("bot outbox")
    assert "1 given up" in ran("bot outbox CA0123")
    assert ran("bot outbox --again").startswith("1 entry will be sent again")
    refused = CliRunner().invoke(app, ["forget", "+15555550142"])
    assert (refused.exit_code, "add --yes" in refused.stderr) == (2, True)
    assert "Erased: 1 call, " in ran("bot forget +15555550142 --yes")
    assert ran("bot forget +15555550142 --yes") == "No call of this number is on record.\n"
    assert list((on_record / "recordings").glob("*CA0123*")) == []


def test_a_recorded_call_is_a_test_in_one_line(recorded: Path) -> None:
    (code,) = (block for block in blocks("python") if "assert_replays" in block)
    names: dict[str, Any] = {}
    exec(code, names)
    kept = recorded.parents[1] / "tests/fixtures/lost-word.call.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(recorded.read_bytes())
    names["test_the_call_that_lost_a_word"]()
    kept.write_text(kept.read_text().replace('"Be kind."', '"Be rude."', 1))
    with pytest.raises(AssertionError, match=r"lost-word\.call\.jsonl"):
        names["test_the_call_that_lost_a_word"]()


@pytest.mark.parametrize("what", ["table", "example"])
def test_what_is_generated_is_printed(what: str) -> None:
    line = f"python -m bot.config {what}"
    assert line in commands()
    command = [sys.executable, *shlex.split(line)[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in (TEXTS["settings"] if what == "table" else (ROOT / ".env.example").read_text())


def test_the_commands_named_in_a_sentence_exist() -> None:
    spans = re.findall(r"`((?:bot|python -m) [^`\n]+)`", OURS)
    named = {shlex.split(span)[1] for span in spans if span.startswith("bot ")}
    assert named <= set(getattr(typer.main.get_command(app), "commands", {})) | {"--help", "--version"}
    modules = {shlex.split(line)[2] for line in [*spans, *commands()] if line.startswith("python -m ")}
    assert modules
    assert all(find_spec(module) for module in modules)


# ---- the tables ----


def test_every_end_of_a_call_is_explained() -> None:
    assert first_column("## Why a call ended") == set(get_args(EndReason))


def test_every_failure_of_a_session_is_explained() -> None:
    assert first_column("## OpenAI's codes") == set(get_args(FailureKind))
    assert ticked([row[1] for row in table_under("## OpenAI's codes")]) >= FATAL


def logged(*methods: str) -> set[str]:
    """The names that open what the bot logs or reports by these methods."""
    found: set[str] = set()
    for path in (ROOT / "bot").rglob("*.py"):
        if "testing" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in methods:
                said = [one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)]
                found |= {one for one in said if isinstance(one, str)}
    return found


def test_every_warning_in_the_log_is_explained() -> None:
    written = logged("warn", "warning", "error", "exception")
    assert written
    assert first_column("## What the log says") == written


def test_every_other_line_of_the_log_is_explained() -> None:
    written = logged("info", "report", "Report") - first_column("## What the log says")
    assert written
    assert first_column("## What else the log says") == written


def test_every_number_of_a_stream_s_failure_is_explained() -> None:
    numbers = {number for row in table_under("## Twilio's numbers") for number in row[0].split(", ")}
    streams = {*range(31900, 31905), 31910, *range(31920, 31925), 31930, 31931, 31941, 31950, 31951}
    webhooks = {11200, 11201, 11202, 11203, 11205, 11210, 11220, 11750, 11770, 12100, 12101, 12102, 12200, 12300}
    assert numbers >= {str(number) for number in {*streams, *webhooks, 10001, 10003, 10004}}
    assert "13xxx" in numbers


def test_every_row_has_as_many_cells_as_its_table() -> None:
    for heading in (
        "## Why a call ended",
        "## What the log says",
        "## What else the log says",
        "## Twilio's numbers",
        "## OpenAI's codes",
    ):
        assert len({len(row) for row in table_under(heading)}) == 1, heading


# ---- names ----


def test_the_settings_it_speaks_of_exist() -> None:
    named = set(re.findall(r"\b(?:BOT|OPENAI|TWILIO)_[A-Z_]+\b", OURS)) - {"BOT_"}
    known = set(variables())
    assert {name.removesuffix("_FILE") for name in named - known} <= known


def test_the_files_it_speaks_of_exist() -> None:
    named = set(re.findall(r"`((?:bot|tests|twiml|\.ci)/[\w./-]*)`", OURS)) - {"tests/fixtures/"}
    assert named
    assert all((ROOT / name).exists() for name in named)


def test_the_packages_it_speaks_of_exist() -> None:
    named = {name.replace(".", "/") for name in re.findall(r"`(bot\.[a-z]+)`", OURS)}
    assert named
    assert all((ROOT / name).is_dir() for name in named)
