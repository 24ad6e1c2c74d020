"""Texts of strangers in a log: they stand there and do nothing."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from bot.observe.logging import Format, configure
from bot.observe.terminal_text import visible

EVIL = "a\x1b[31mred\x1b]0;title\x07\r\nfake line\u202eleft\x9b2J\x00"


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_escape_code_and_no_second_line_gets_into_the_log(form: Format) -> None:
    out = io.StringIO()
    configure("info", form, stream=out)
    structlog.get_logger("bot.x").warning("model_closed", reason=EVIL, code=1011)
    text = out.getvalue()
    assert text.count("\n") == 1
    assert not {"\x1b", "\x07", "\r", "\x00"} & set(text)
    if form == "json":
        assert json.loads(text)["reason"] == EVIL
    else:
        assert not {"\x9b", "\u202e"} & set(text)
        assert "red" in text


def test_a_traceback_keeps_its_lines_and_loses_its_codes() -> None:
    out = io.StringIO()
    configure("info", "console", stream=out)
    try:
        int(EVIL)
    except ValueError:
        structlog.get_logger("bot.x").exception("internal_error")
    assert "\n  File " in out.getvalue()
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(out.getvalue())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202e", "\\u202e"),
        ("\U000e0041", "\\U000e0041"),
        ("e\u0301 \U0001f469\u200d\U0001f467", "e\u0301 \U0001f469\u200d\U0001f467"),
        ("a\u2003b", "a b"),
    ],
)
def test_what_acts_is_spelled_out_and_what_shows_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_letters_to_keep_are_kept() -> None:
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"
