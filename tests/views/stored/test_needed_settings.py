"""Commands about calls need the settings that they use: whatever else is wrong is the server's business."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from tests.views.stored import calls_sample as sample

UNUSED = {
    "OPENAI_API_KEY_FILE": "/nowhere/key",
    "TWILIO_AUTH_TOKEN_FILE": "/nowhere/token",
    "ADMIN_TOKEN_FILE": "/nowhere/admin",
    "BOT_INSTRUCTIONS_FILE": "/nowhere/who.txt",
    "BOT_GREETING_AUDIO": "/nowhere/hello.wav",
    "BOT_FILLER_FILE": "/nowhere/moment.wav",
    "BOT_TWIML_DIR": "/nowhere",
    "OPENAI_API_KEY": '"sk-quoted"',
    "BOT_SPEED": "9",
    "PORT": "none",
    "BOT_VOCE": "ash",
    "BOT_HEIGHT": "3",
}


def run(*arguments: str, **environ: str) -> Result:
    result = CliRunner().invoke(app, arguments, env=environ)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.parametrize("name", UNUSED)
def test_calls_are_listed_shown_and_forgotten_with_a_wrong_setting_that_they_do_not_use(
    filled: Path, tmp_path: Path, name: str
) -> None:
    environ = {name: UNUSED[name]}
    plain = run("calls")
    assert run("calls", **environ).stdout == plain.stdout
    assert run("calls", "CA1", **environ).stdout == run("calls", "CA1").stdout
    assert run("calls", "--number", sample.CALLER, **environ).exit_code == 0
    for option in ("--html", "--vcon"):
        assert run("calls", "CA1", option, str(tmp_path / "it"), **environ).exit_code == 0
    forgotten = run("forget", sample.CALLER, "--yes", **environ)
    assert (forgotten.exit_code, forgotten.stderr) == (0, "")
    assert run("calls").stdout != plain.stdout


def test_all_that_is_wrong_at_once_is_not_told_by_a_command_that_uses_none_of_it(filled: Path) -> None:
    both = {name: text for name, text in UNUSED.items() if name != "OPENAI_API_KEY"}
    result = run("calls", **both)
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (("calls",), {"BOT_RECORD_DIR": __file__}),
        (("calls",), {"DATABASE_URL": "mysql://h/calls"}),
        (("calls",), {"DATABASE_URL_FILE": "/nowhere/url"}),
        (("calls",), {"BOT_RECORDDIR": "elsewhere"}),
        (("calls", "--number", sample.CALLER), {"BOT_PII_KEY": "short"}),
        (("calls", "CA1"), {"BOT_PRICES": "/nowhere/prices.json"}),
        (("calls", "CA1", "--vcon", "it"), {"PUBLIC_URL": "bot"}),
        (("forget", sample.CALLER, "--yes"), {"BOT_PII_KEY_FILE": "/nowhere/key"}),
        (("forget", sample.CALLER, "--yes"), {"DATABASE_URL": "sqlite:///"}),
        (("forget", sample.CALLER, "--yes"), {"BOT_PII_KYE": "ab" * 32}),
        (("call", "http://127.0.0.1:1/voice"), {"TWILIO_AUTH_TOKEN_FILE": "/nowhere/token"}),
        (("call", "http://127.0.0.1:1/voice"), {"TWILIO_ACCOUNT_SID": "AC1"}),
    ],
)
def test_a_wrong_setting_that_is_used_is_told_alone(
    filled: Path, arguments: tuple[str, ...], environ: dict[str, str]
) -> None:
    result = run(*arguments, **environ, BOT_SPEED="9", BOT_HEIGHT="3")
    assert result.exit_code == 2
    assert [line.split()[0] for line in result.stderr.splitlines()] == list(environ)
    assert result.stdout == ""


def test_the_key_of_callers_is_not_needed_to_list_them(filled: Path) -> None:
    result = run("calls", BOT_PII_KEY_FILE="/nowhere/key")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_misspelt_name_of_the_store_is_pointed_out_since_another_store_is_asked(filled: Path) -> None:
    result = run("calls", DATABASE_URI="postgres://me@h/calls")
    assert result.exit_code == 0
    assert result.stderr == "DATABASE_URI is no setting and is not read: rename it to DATABASE_URL if that is meant.\n"


def test_a_simulated_phone_needs_no_more_than_what_it_signs_with() -> None:
    twilio = {"TWILIO_AUTH_TOKEN": "0" * 32, "TWILIO_ACCOUNT_SID": "AC" + "0" * 32}
    result = run("call", "http://127.0.0.1:1/voice", **twilio, BOT_GREETING_AUDIO="/nowhere/hello.wav", BOT_SPEED="9")
    assert result.exit_code == 1
    assert "Nothing listens on 127.0.0.1 port 1" in result.stderr
