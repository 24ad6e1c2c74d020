"""A walk of a new operator: odd inputs of every kind, each to the command itself, its exit code and its sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app

ROOT = Path(__file__).parents[1]
FIXTURE = str(ROOT / "tests/fixtures/idle.call.jsonl.gz")
SID, TOKEN = "AC0123456789abcdef0123456789abcdef", "5a0c3e9d7b1f4826a9c0e1d2b3f45867"
TWILIO = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN}
REAL = {**TWILIO, "OPENAI_API_KEY": "sk-proj-0123456789abcdefghij", "PUBLIC_URL": "https://bot.heardline.dev"}
BOT = "http://127.0.0.1:1/voice"

CHECKED: list[tuple[dict[str, str], int, str]] = [
    ({"OPENAI_REALTIME_URL": "wss://api.openai.com"}, 1, "OPENAI_REALTIME_URL must have the path /v1/realtime with OpenAI"),
    ({"OPENAI_REALTIME_URL": "wss://eu.api.openai.com/v1"}, 1, "OPENAI_REALTIME_URL must have the path /v1/realtime"),
    ({"OPENAI_REALTIME_URL": "wss://api.x.ai/v1", "BOT_DIALECT": "xai", "OPENAI_REALTIME_MODEL": "grok-voice-latest"}, 1, "OPENAI_REALTIME_URL must have the path /v1/realtime with xAI"),
    ({"OPENAI_REALTIME_MODEL": "GPT-Realtime-2.1"}, 1, "OPENAI_REALTIME_MODEL is GPT-Realtime-2.1, and OpenAI writes it gpt-realtime-2.1: mend it."),
    ({"BOT_TRANSCRIPTION_MODEL": "GPT-Transcribe"}, 1, "BOT_TRANSCRIPTION_MODEL is GPT-Transcribe, and OpenAI writes it gpt-transcribe"),
    ({"OPENAI_REALTIME_MODEL": "gpt-4o-realtime-preview-2024-10-01"}, 1, "which OpenAI retired on 2026-05-12"),
    ({"BOT_DENY_CALLERS": "+"}, 2, "BOT_DENY_CALLERS must hold numbers or beginnings of numbers"),
    ({"BOT_RECORD_DIR": "$HOME/calls"}, 2, "BOT_RECORD_DIR has a ~ or a $NAME in it"),
    ({"BOT_RECORD_DIR": "%APPDATA%\\calls"}, 2, "BOT_RECORD_DIR has a ~ or a $NAME in it"),
    ({"BOT_RECORD_DIR": "recordings # here"}, 2, "BOT_RECORD_DIR ends with a comment"),
    ({"OPENAI_API_KEY": "vault:secret/key"}, 2, "OPENAI_API_KEY holds :, which can't be sent in it"),
    ({"OPENAI_API_KEY": f"%22{REAL['OPENAI_API_KEY']}%22"}, 2, "OPENAI_API_KEY begins or ends with a character that was percent-encoded"),
    ({"OPENAI_API_KEY": f"{REAL['OPENAI_API_KEY']}#mine"}, 2, "OPENAI_API_KEY holds a #; if a comment begins there"),
    ({"TWILIO_AUTH_TOKEN": f"{TOKEN};{TOKEN}"}, 2, "TWILIO_AUTH_TOKEN holds ;"),
    ({"TWILIO_AUTH_TOKEN": f"\u200b{TOKEN}"}, 2, "TWILIO_AUTH_TOKEN holds a character that can't be seen (U+200B)"),
    ({"HOST": "[::]"}, 2, "HOST stands between [ and ]"),
    ({"PUBLIC_URL": "https://bot.heardline.dev/%22"}, 2, "PUBLIC_URL begins or ends with a character that was percent-encoded"),
    ({"PUBLIC_URL": "https://[::ffff:127.0.0.1]"}, 1, "PUBLIC_URL is an address of this machine"),
    ({"PUBLIC_URL": "https://bot.heardline.dev/incoming-call"}, 1, "PUBLIC_URL ends with /incoming-call"),
    ({"PUBLIC_URL": "https://bot..heardline.dev"}, 2, "PUBLIC_URL must have a host that can be one"),
    ({"DATABASE_URL": "postgresql://u:p@h1,h2/db"}, 2, "DATABASE_URL must name one host"),
    ({"DATABASE_URL": "sqlite+pysqlcipher:///calls.sqlite"}, 2, "DATABASE_URL has a driver that can't be used here"),
    ({"WEB_CONCURRENCY": "auto"}, 2, "WEB_CONCURRENCY must be a number from 1 to 64, not 'auto'."),
    ({"BOT_GREETING_AUDIO": "/dev/null"}, 2, "BOT_GREETING_AUDIO must be a file that exists"),
]  # fmt: skip

OTHERS: list[tuple[tuple[str, ...], dict[str, str], int, str]] = [
    (("help",), {}, 0, "Read one with `bot help TOPIC`"),
    (("help", "forget"), {}, 0, "Usage: bot forget [OPTIONS]"),
    (("help", "nope"), {}, 2, "The manual has no topic 'nope'"),
    (("-h",), {}, 0, "Usage: bot [OPTIONS] COMMAND"),
    (("calls", "-h"), {}, 0, "Usage: bot calls [OPTIONS]"),
    (("check",), {"COLUMNS": "0"}, 1, "OPENAI_API_KEY is not set"),
    (("check",), {**REAL, "COLUMNS": "junk", "TERM": "junk"}, 0, "Nothing is missing for a real call."),
    (("check", "--env-file", ""), REAL, 2, "is a directory; name the file in it"),
    (("check", "--env-file", "twice.env"), REAL, 0, "Warning: PORT stands in lines 1 and 3 of twice.env; the last one holds"),
    (("check", "--env-file", "shell.env"), REAL, 2, "Line 3 of shell.env is no NAME=value"),
    (("serve", "--env-file", "/dev/zero"), REAL, 2, "it is over a million bytes long"),
    (("serve",), {**REAL, "PUBLIC_URL": "https://bot.test"}, 2, "PUBLIC_URL is the address of an example"),
    (("serve",), {**REAL, "OPENAI_REALTIME_MODEL": "gpt-4o-mini-realtime-preview"}, 2, "which OpenAI retired on 2026-05-12"),
    (("calls",), {"TWILIO_AUTH_TOKEN_FILE": "/nowhere"}, 0, "No call is stored yet."),
    (("calls", "--min-usd", "nan"), {}, 2, "--min-usd nan is not a sum of dollars"),
    (("calls", "--since", "9999-12-31"), {}, 2, "--since 9999-12-31 is neither a day nor a time"),
    (("forget", "\u202a+1 (555) 555\u20110142\u202c", "--yes"), {}, 0, "No call of this number is on record."),
    (("forget", "0171 1234567", "--yes"), {}, 2, "The number is not a telephone number in E.164 form"),
    (("call", "http://user:secret-word@127.0.0.1:1/voice"), TWILIO, 2, "The address holds a user name or password"),
    (("call", "http://127.0.0.1:0/voice"), TWILIO, 2, "has port 0, where nothing listens"),
    (("call", f"{BOT}#x"), TWILIO, 2, "has a # in it"),
    (("call", "http://a..b/voice"), TWILIO, 2, "has a host that can be none"),
    (("call", BOT, "--save", ""), TWILIO, 2, "can't be written: Is a directory"),
    (("call", BOT), {**TWILIO, "HTTPS_PROXY": "junk", "BOT_SPEED": "9"}, 1, "Nothing listens on 127.0.0.1 port 1"),
    (("demo", "--dir", "/dev/null"), {}, 1, "The demo can't write to /dev/null"),
    (("model", "--port", "0x50"), {}, 2, "Invalid value for '--port'"),
    (("show", FIXTURE), {"BOT_TWIML_DIR": "/nowhere"}, 0, "ended: idle"),
    (("replay", FIXTURE, "twice.env"), {}, 2, "twice.env, line 1: not a fixture"),
]  # fmt: skip


def bot(place: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (place / "twice.env").write_text("PORT=8080\n\nPORT=8081\n")
    (place / "shell.env").write_text("#!/bin/sh\nexport PORT=80\necho hello\n")
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in (TOKEN, REAL["OPENAI_API_KEY"], "secret-word"))
    return done


@pytest.mark.parametrize(("environ", "code", "sentence"), CHECKED)
def test_a_setting_that_can_not_work_is_told_by_check(
    tmp_path: Path, environ: dict[str, str], code: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: a start takes ten times what there is to see."""
    monkeypatch.chdir(tmp_path)
    for name in {*os.environ} - {"PATH"}:
        monkeypatch.delenv(name)
    for name, value in {**REAL, **environ}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["check"])
    assert (done.exit_code, sentence in done.output) == (code, True), done.output
    assert "Nothing is missing" not in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("environ", "code", "sentence"), CHECKED[::8])
def test_so_it_is_by_the_command_itself(tmp_path: Path, environ: dict[str, str], code: int, sentence: str) -> None:
    done = bot(tmp_path, "check", **{**REAL, **environ})
    assert (done.returncode, sentence in done.stdout + done.stderr) == (code, True), done


@pytest.mark.parametrize(("arguments", "environ", "code", "sentence"), OTHERS)
def test_an_odd_line_of_command_has_one_good_outcome(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], code: int, sentence: str
) -> None:
    done = bot(tmp_path, *arguments, **environ)
    assert (done.returncode, sentence in done.stdout + done.stderr) == (code, True), done


def test_of_a_place_that_can_not_be_used_nothing_else_is_promised(tmp_path: Path) -> None:
    done = bot(tmp_path, "check", **REAL, BOT_RECORD_DIR="twice.env/below")
    assert done.returncode == 2
    assert done.stderr.startswith(f"BOT_RECORD_DIR: nothing can be written at {tmp_path}/twice.env/below")
    assert "Calls will be recorded" not in done.stdout
