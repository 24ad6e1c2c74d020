"""`bot tools`, and what `bot check` says of tools."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.config import load_settings
from bot.doctor.readiness import judge
from tests.logging_state import logging_kept

MODULE = '''
from typing import Annotated, Literal
from pydantic import Field
from bot.tools import Silent, ToolError, tool

@tool(timeout_s=3, once=True)
def book(name: str, persons: Annotated[int, Field(ge=1, le=8)] = 2) -> str:
    """Book a table.

    Args:
        name: The name to book it for.
    """
    if name == "nobody":
        raise ToolError("We are full.")
    return f"booked for {name}"

@tool
def note(text: str) -> Silent:
    """Write it down."""
    return Silent(None)
'''


@pytest.fixture
def module(tmp_path: Path) -> str:
    path = tmp_path / "tools_by_hand_sample.py"
    path.write_text(MODULE)
    return str(path)


def said(*arguments: str, **env: str) -> Result:
    with logging_kept():
        return CliRunner().invoke(app, ["tools", *arguments], env=env)


def test_it_lists_each_tool_with_its_arguments_and_rules(module: str) -> None:
    result = said(BOT_TOOLS=module)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "book: Book a table.",
        "  name (string): The name to book it for.",
        "  persons (integer, may be left out)",
        "  rules: timeout_s=3, once=True; timeout 3 s",
        "note: Write it down.",
        "  text (string)",
        "  rules: the defaults; timeout 10 s",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "output"),
    [
        (("book", '{"name": "Ann"}'), 0, '{"result": "booked for Ann"}'),
        (("book", '{"name": "nobody"}'), 1, '{"error": "We are full."}'),
        (("book", '{"persons": 3}'), 1, "name: Field required"),
        (("book", "{bad"), 1, "Invalid JSON"),
        (("note", '{"text": "x"}'), 0, '{"result": "done"}'),
    ],
)
def test_it_runs_one_by_hand(module: str, arguments: tuple[str, ...], code: int, output: str) -> None:
    result = said(*arguments, BOT_TOOLS=module)
    assert result.exit_code == code
    assert output in result.stdout


def test_what_is_not_there_is_told_in_a_sentence(module: str, tmp_path: Path) -> None:
    assert "book there is" in said("bock", BOT_TOOLS=module).stderr
    nothing = said(BOT_TOOLS="")
    assert (nothing.exit_code, nothing.stderr.count("\n")) == (2, 1)
    unsigned = said(BOT_TOOLS_URL="https://tools.example.com/")
    assert unsigned.exit_code == 2
    assert "BOT_WEBHOOK_SECRET" in unsigned.stderr
    away = said(BOT_TOOLS_URL="http://127.0.0.1:9/", BOT_WEBHOOK_SECRET="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert away.exit_code == 2
    assert "could not be asked" in away.stderr


def test_bot_check_names_a_tool_that_can_not_be_used(tmp_path: Path) -> None:
    path = tmp_path / "tools_that_take_anything.py"
    path.write_text('from bot.tools import tool\n@tool\ndef go(**more: str):\n    """Go."""\n')
    problems = judge(load_settings({"BOT_TOOLS": str(path)})).problems
    assert [one for one in problems if "takes **more" in one]
    assert [one for one in judge(load_settings({"BOT_TOOLS": "no.such.module"})).problems if "no.such.module" in one]
