"""A walk of a new operator: odd inputs of every kind, each to the command itself, its exit code and its sentence."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from tests import warm

ROOT = Path(__file__).parents[1]
FIXTURE = str(ROOT / "tests/fixtures/idle.call.jsonl.gz")
SID, TOKEN = "AC0123456789abcdef0123456789abcdef", "5a0c3e9d7b1f4826a9c0e1d2b3f45867"
TWILIO = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN}
REAL = {**TWILIO, "OPENAI_API_KEY": "sk-proj-0123456789abcdefghij", "PUBLIC_URL": "https://bot.heardline.dev"}
S = {"BOT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
ADMIN = {"ADMIN_TOKEN": "0123456789abcdef0123456789abcdef"}
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
    ({"BOT_TRANSFER": "/dev/zero"}, 2, "BOT_TRANSFER must be a file that exists"),
    ({"BOT_MCP": "/dev/zero"}, 2, "BOT_MCP must be a file that exists"),
    ({"BOT_TRANSFER": "nowhere.toml"}, 2, "/nowhere.toml)."),
    ({"BOT_TRANSFER": "."}, 2, "BOT_TRANSFER must be a file that exists, and names a directory"),
    ({"BOT_TRANSFER_NUMBERS": "sales:+15555550123"}, 2, "BOT_TRANSFER_NUMBERS must be a list of name=number"),
    ({"BOT_TRANSFER_NUMBERS": "s=+15555550123,s=+15555550124"}, 2, "BOT_TRANSFER_NUMBERS has an entry 2 with a name that it has before"),
    ({"BOT_KEYPAD_SHORTCUTS": "0=transfer:reception"}, 1, "BOT_KEYPAD_SHORTCUTS transfers to reception, who is no destination"),
    ({"BOT_KEYPAD_FINISH": "hash"}, 2, "BOT_KEYPAD_FINISH must be one of #, *, off, not 'hash'."),
    ({"BOT_TOOLS": "nowhere"}, 2, "BOT_TOOLS: no module nowhere is in "),
    ({"BOT_TOOLS": "./nowhere.py"}, 2, "/nowhere.py; put it there, or mend the path."),
    ({"BOT_TOOLS_URL": "https://t.operator.net"}, 1, "BOT_WEBHOOK_SECRET is not set, and BOT_TOOLS_URL is"),
    ({"BOT_TOOLS_URL": "https://t.operator.net/#x", **S}, 2, "BOT_TOOLS_URL must hold only characters that a URL may have, and no fragment"),
    ({"BOT_LOOKUP_URL": "file:///etc/passwd", **S}, 2, "BOT_LOOKUP_URL must be an absolute URL that starts with https://."),
    ({"BOT_WEBHOOK_SECRET": "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "BOT_WEBHOOK_URL": "https://h.operator.net"}, 2, "BOT_WEBHOOK_SECRET must be base64"),
    ({"BOT_DIAL_ALLOW": "withheld"}, 2, "BOT_DIAL_ALLOW must hold numbers or beginnings of numbers with their country code, such as +49 or +15550100; mend entry 1"),
    ({"BOT_SMS_ALLOW": "callers"}, 2, "such as +49 or +15550100, or caller; mend entry 1"),
    ({"BOT_DIAL_HOURS": "8am-9pm"}, 2, "BOT_DIAL_HOURS must be hours such as 08:00-21:00"),
    ({"BOT_DIAL_RING_SECONDS": "30.5"}, 2, "BOT_DIAL_RING_SECONDS must be a whole number from 5 to 120, not '30.5'."),
    ({"TWILIO_API_URL": "https://api.twilio.com/2010-04-01"}, 2, "TWILIO_API_URL must end before the version of the API"),
    ({"TWILIO_API_KEY": "SK0123456789abcdef0123456789abcdef"}, 1, "TWILIO_API_KEY is set and TWILIO_API_SECRET is not"),
]  # fmt: skip

N = 'number = "+15555550123"\n'

WRITTEN: list[tuple[str, str, dict[str, str], int, str]] = [
    ("BOT_TRANSFER", "", {}, 2, "BOT_TRANSFER must have a destination, such as [sales] with a number."),
    ("BOT_TRANSFER", "[sales\n", {}, 2, "(it is no TOML: Expected ']' at the end of a table declaration (at line 1"),
    ("BOT_TRANSFER", f"[s]\n{N}about = " + "[" * 3000, {}, 2, "(it is nested too deeply); mend it or the path."),
    ("BOT_TRANSFER", "[s]\nnumber = 15555550123", {}, 2, "[s] that must have its number as text, in quotes."),
    ("BOT_TRANSFER", '[s]\nnumber = "0171 1234567"', {}, 2, "[s] that must have its number in full, with the country code"),
    ("BOT_TRANSFER", f"[s]\n{N}mode = 'warm'", {}, 2, "[s] that must have as mode whisper or briefing."),
    ("BOT_TRANSFER", f"[s]\n{N}hours = ['Mon 09:00-17:00']\nzone = '../../etc/passwd'", {}, 2, "a zone that this machine does not know"),
    ("BOT_TRANSFER", "[s]\nsip = 'sip:a@b.c?X-h=1'", {}, 2, "must have its sip address as sip:name@host"),
    ("BOT_MCP", "[a]\nx = " + "[" * 3000, {}, 2, "it is nested too deeply"),
    ("BOT_PROFILES", "[a]\nx = " + "[" * 3000, {}, 2, "can't be read (it is nested too deeply); mend it."),
    ("BOT_PROFILES", "[a]\nPORT = 1", {}, 2, "PORT holds for the whole server and can't be changed for a call"),
    ("BOT_PROFILES", "[a]\nBOT_TOOLS = 'nowhere'", {}, 2, "Profile a: BOT_TOOLS: no module nowhere is in"),
    ("BOT_PROFILES", "[a]\nBOT_TOOLS_URL = 'https://t.operator.net'", {}, 1, "Profile a: BOT_WEBHOOK_SECRET is not set"),
    ("BOT_TOOLS", "1 / 0", {}, 2, "ZeroDivisionError: division by zero ("),
    ("BOT_TOOLS", "import nowhere", {}, 2, "No module named 'nowhere' ("),
    ("BOT_TOOLS", "x = 1", {}, 2, "has no function with the decorator @tool; mark one, or unset it."),
    ("BOT_TOOLS", "@tool\ndef f(**rest):\n    'F.'", {}, 2, "BOT_TOOLS: the tool f ("),
    ("BOT_TOOLS", "@tool(name='g')\ndef f():\n    'F.'\n@tool\ndef g():\n    'G.'", {}, 2, "are called g; rename one of them."),
    ("BOT_TOOLS", "@tool\ndef f():\n    'F.'\n@tool\ndef f(a: int):\n    'F.'", {}, 2, "two functions are called f, and the second takes the place of the first"),
    ("BOT_TOOLS", "@tool\ndef end_call():\n    'E.'", {}, 2, "BOT_TOOLS: the tool end_call has the name of a function of the bot itself; rename it."),
    ("BOT_TOOLS", "@tool\ndef transfer_call():\n    'E.'", {}, 2, "has the name of a function of the bot itself"),
    ("BOT_TOOLS", "@tool\ndef send_sms():\n    'S.'", {"BOT_SMS_FROM": "+12025550100"}, 2, "BOT_TOOLS: two tools are called send_sms"),
    ("BOT_TOOLS", "@tool(retry=3)\ndef f():\n    'F.'", {}, 2, "f has the rule retry, which is none"),
    ("BOT_TOOLS", "@tool\ndef " + "f" * 65 + "():\n    'F.'", {}, 2, "it is 1 to 64 letters, digits, _ and -."),
    ("BOT_RESULT_SCHEMA", "\ufeff[]", {}, 2, "must be a JSON schema of an object"),
    ("BOT_RESULT_SCHEMA", '{"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}', {}, 2, "the $ref #/$defs/b leads to nothing"),
    ("BOT_RESULT_SCHEMA", '{"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"$ref": "#/$defs/b"}}}', {}, 2, "leads round in a circle"),
]  # fmt: skip

WARNED: list[tuple[dict[str, str], str]] = [
    ({"BOT_DIAL_FROM": "+12025550100"}, "BOT_DIAL_FROM is set and BOT_DIAL_ALLOW is not: nobody may be dialled"),
    ({"BOT_DIAL_FROM": "+12025550100", "BOT_DIAL_ALLOW": "+49"}, "BOT_DIAL_FROM is set and ADMIN_TOKEN is not"),
    ({"BOT_DIAL_ALLOW": "+49"}, "BOT_DIAL_ALLOW has no effect: BOT_DIAL_FROM is not set."),
    ({"BOT_SMS_ALLOW": "+49"}, "BOT_SMS_ALLOW has no effect: BOT_SMS_FROM is not set."),
    ({**S, "BOT_TRANSFER_CHECK_URL": "https://free.operator.net"}, "BOT_TRANSFER_CHECK_URL has no effect: neither"),
    ({"BOT_KEYPAD_PAUSE_SECONDS": "30", "BOT_KEYPAD_SECONDS": "1"}, "BOT_KEYPAD_PAUSE_SECONDS has no effect"),
    ({"TWILIO_API_URL": "https://twilio.example.com"}, "TWILIO_API_URL is the address of an example"),
    ({**S, "BOT_TOOLS_URL": "https://tools.example.com"}, "BOT_TOOLS_URL is the address of an example"),
]

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
    (("dial", "+12025550142"), {}, 2, "ADMIN_TOKEN is not set; the server makes calls for nobody without it."),
    (("dial", "+12025550142", "--url", "http://[x"), ADMIN, 2, "--url must have a valid host, and a port from 1 to 65535 if any."),
    (("dial", "+12025550142", "--url", "nonsense"), ADMIN, 2, "--url must be an absolute URL that starts with https://."),
    (("dial", "+12025550142", "--url", "http://bot.heardline.dev"), ADMIN, 2, "--url must start with https://"),
    (("dial", "+12025550142", "--key", "a\nb"), ADMIN, 2, "--key must be 1 to 255 visible ASCII characters."),
    (("dial", "+12025550142", "--purpose-file", "/dev/zero"), ADMIN, 2, "/dev/zero can't be read: it is over a million bytes long."),
    (("dial", "+12025550142", "--purpose-file", "."), ADMIN, 2, ". can't be read: Is a directory."),
    (("dial", "+12025550142"), {**ADMIN, "PORT": "1"}, 1, "No server answers at 127.0.0.1:1; start one with `bot serve`"),
    (("demo", "--dir", "/dev/null"), {}, 1, "The demo can't write to /dev/null"),
    (("model", "--port", "0x50"), {}, 2, "Invalid value for '--port'"),
    (("show", FIXTURE), {"BOT_TWIML_DIR": "/nowhere"}, 0, "ended: idle"),
    (("replay", FIXTURE, "twice.env"), {}, 2, "twice.env, line 1: not a fixture"),
]  # fmt: skip


def bot(place: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (place / "twice.env").write_text("PORT=8080\n\nPORT=8081\n")
    (place / "shell.env").write_text("#!/bin/sh\nexport PORT=80\necho hello\n")
    done = warm.run(*arguments, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}, cwd=place)
    assert "Traceback" not in done.stdout + done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in (TOKEN, REAL["OPENAI_API_KEY"], "secret-word"))
    return done


@pytest.mark.parametrize("slip", WRITTEN)
def test_a_file_with_a_slip_is_told_by_check_and_serve_alike(
    tmp_path: Path, slip: tuple[str, str, dict[str, str], int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, text, environ, code, sentence = slip
    kind = {"BOT_TOOLS": "py", "BOT_RESULT_SCHEMA": "json"}.get(name, "toml")
    (tmp_path / f"written.{kind}").write_text("from bot.tools import tool\n" * (kind == "py") + text)
    _only(monkeypatch, tmp_path, {name: f"./written.{kind}", **environ})
    found, begun = (CliRunner().invoke(app, [command]) for command in ("check", "serve"))
    assert (found.exit_code, begun.exit_code) == (code, 2), found.output
    assert sentence in found.output
    assert sentence in begun.stderr


@pytest.mark.parametrize(("environ", "sentence"), WARNED)
def test_a_setting_that_does_nothing_by_itself_is_told_and_no_obstacle(
    tmp_path: Path, environ: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _only(monkeypatch, tmp_path, environ)
    done = CliRunner().invoke(app, ["check"])
    assert (done.exit_code, f"Warning: {sentence}" in done.output) == (0, True), done.output


def test_what_a_profile_completes_is_not_without_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "profiles.toml").write_text(
        '[a]\nBOT_DIAL_FROM = "+12025550100"\nBOT_TOOLS_URL = "https://t.operator.net"'
    )
    _only(monkeypatch, tmp_path, {**S, "BOT_PROFILES": "profiles.toml", "BOT_DIAL_ALLOW": "+49"})
    done = CliRunner().invoke(app, ["check"])
    assert (done.exit_code, "no effect" in done.output) == (0, False), done.output


def _only(monkeypatch: pytest.MonkeyPatch, place: Path, environ: dict[str, str]) -> None:
    """Have these settings beside the real ones, and no others, and be in `place`."""
    monkeypatch.chdir(place)
    for name in {*os.environ} - {"PATH"}:
        monkeypatch.delenv(name)
    for name, value in {**REAL, **environ}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("environ", "code", "sentence"), CHECKED)
def test_a_setting_that_can_not_work_is_told_by_check(
    tmp_path: Path, environ: dict[str, str], code: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: a start takes ten times what there is to see."""
    _only(monkeypatch, tmp_path, environ)
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
