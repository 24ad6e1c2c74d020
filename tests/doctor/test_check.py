"""The `bot` command: `bot check`, the version, and its habits with errors."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.config import load_settings
from bot.doctor.check import examine, show

KEY = "sk-proj-0123456789abcdefghij"
TOKEN = "5a0c3e9d7b1f4826a9c0e1d2b3f45867"
REAL = {
    "OPENAI_API_KEY": KEY,
    "TWILIO_ACCOUNT_SID": "AC0123456789abcdef0123456789abcdef",
    "TWILIO_AUTH_TOKEN": TOKEN,
    "PUBLIC_URL": "https://bot.heardline.dev",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("BOT_", "OPENAI_", "TWILIO_", "LOG_")) or name in {"PUBLIC_URL", "HOST", "PORT"}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, arguments, env=environ)


def test_all_settings_are_listed_with_their_sources_and_no_secret() -> None:
    result = run("check", **REAL, BOT_VOICE="ash")
    assert result.exit_code == 0
    assert "BOT_VOICE=ash (environment)\n" in result.stdout
    assert "BOT_SPEED=(not set) (default)\n" in result.stdout
    assert f"OPENAI_API_KEY=***{KEY[-4:]} (environment)\n" in result.stdout
    assert result.stdout.endswith("Nothing is missing for a real call.\n")
    assert KEY not in result.output
    assert TOKEN not in result.output


def test_what_a_real_call_needs_is_named_first_and_without_it_the_exit_code_is_one() -> None:
    result = run("check")
    assert result.exit_code == 1
    head, *lines = result.stdout.splitlines()
    assert head == "Missing for a real call:"
    assert [line.split()[0] for line in lines[:4]] == list(REAL)
    assert lines[-1] == "A real call can't work yet: 4 things to mend, told first."


def test_warnings_are_plain_sentences() -> None:
    result = run("check", TWILIO_AUTH_TOKEN="short")
    assert "Warning: TWILIO_AUTH_TOKEN is not 32 hexadecimal digits: an API key's secret " in result.stdout


def test_wrong_settings_are_told_on_standard_error_a_line_each() -> None:
    result = run("check", **REAL, BOT_SPEED="9", BOT_RECRD="fixture")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "BOT_SPEED must be a number from 0.25 to 1.5, not '9'.",
        "BOT_RECRD is no setting; rename it to BOT_RECORD, the nearest there is, or unset it.",
    ]


def test_a_faulty_twiml_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "sorry.xml").write_text("<Response>")
    result = run("check", BOT_TWIML_DIR=str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{tmp_path / 'sorry.xml'} is not well-formed XML")
    assert "Nothing is missing" not in result.stdout


def test_the_date_of_the_prices_is_told_and_what_has_none() -> None:
    told = run("check", BOT_TRANSCRIPTION_MODEL="whisper-1").stdout
    assert "\nPrices are of 2026-11-22.\ngpt-realtime-2.1 has a price.\nwhisper-1 has no price: " in told
    assert "Warning: BOT_MAX_CALL_USD can't count what whisper-1" not in told
    told = run("check", BOT_TRANSCRIPTION_MODEL="whisper-1", BOT_MAX_CALL_USD="1").stdout
    assert "Warning: BOT_MAX_CALL_USD can't count what whisper-1 costs: it has no price.\n" in told


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_faulty_price_file_is_told_with_all_its_faults(tmp_path: Path, command: str) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"realtime": 3, "transcription": 4}')
    result = run(command, **REAL, BOT_PRICES=str(path))
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"In the price file {path}, realtime must be an object of models.",
        f"In the price file {path}, transcription must be an object of models.",
    ]


def test_an_env_file_is_read_only_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BOT_VOICE=ash\n")
    assert "BOT_VOICE=marin (default)" in run("check").stdout
    assert "BOT_VOICE=ash (env file)" in run("check", "--env-file", ".env").stdout
    assert "BOT_VOICE=sage (environment)" in run("check", "--env-file", ".env", BOT_VOICE="sage").stdout


def test_an_env_file_that_is_not_there_is_told() -> None:
    result = run("check", "--env-file", "nowhere")
    assert result.exit_code == 2
    assert result.stderr == "The file nowhere of --env-file cannot be found; mend the path.\n"


def test_a_terminal_gets_a_table_that_takes_no_value_for_markup() -> None:
    out = io.StringIO()
    settings = load_settings({"BOT_GREETING": "[red]hi[/red] \x1b[31m"})
    show(examine(settings), Console(file=out, force_terminal=True, width=140, color_system=None))
    lines = [line for line in out.getvalue().splitlines() if "BOT_GREETING " in line]
    assert len(lines) == 1
    assert "[red]hi[/red] \\u001b[31m" in lines[0]
    assert "environment" in lines[0]
    assert "BOT_GREETING=" not in lines[0]


def test_wrong_usage_ends_with_two() -> None:
    assert run("chekc").exit_code == 2
    assert run("check", "--foo").exit_code == 2
    assert run().exit_code == 2


def test_the_version_is_that_of_the_distribution() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("heardline 0.")


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, bot.cli; print(sorted({'pydantic', 'aiohttp', 'twilio', 'websockets', 'openai'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_module_is_the_command_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "check"], capture_output=True, text=True, check=False, env={"BOT_SPEED": "9"}
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("BOT_SPEED must be a number from 0.25 to 1.5, not '9'.\nOPENAI_API_KEY is not set: ")
