"""BOT_KEYPAD_SHORTCUTS."""

from __future__ import annotations

import pytest

from bot.config import load_settings
from bot.config.advice import missing_for_call
from bot.config.values.key_shortcuts import KeyShortcut, parse_shortcuts


def test_a_key_alone_may_connect_to_a_destination_or_end_the_call() -> None:
    assert parse_shortcuts(" 0 = transfer : front desk , 9=end_call,") == (
        KeyShortcut("0", "transfer", "front desk"),
        KeyShortcut("9", "end_call"),
    )


@pytest.mark.parametrize(
    "text", ["0", "0=", "00=end_call", "0=transfer", "0=end_call:now", "0=order_pizza", "A=end_call", '0=transfer:"x"']
)
def test_what_is_no_shortcut_is_named_by_its_place(text: str) -> None:
    with pytest.raises(ValueError, match="mend entry 2 of the list"):
        parse_shortcuts(f"1=end_call,{text}")


def test_a_key_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="each key once"):
        parse_shortcuts("0=end_call, 0=transfer:x")


def test_a_key_that_leads_to_nobody_is_pointed_out() -> None:
    given = {"BOT_KEYPAD_SHORTCUTS": "0=transfer:sales, 1=transfer:nobody, 9=end_call"}
    listed = {**given, "BOT_TRANSFER_NUMBERS": "sales=+15555550125"}
    (sentence,) = [one for one in missing_for_call(load_settings(listed)) if "SHORTCUTS" in one]
    assert sentence.startswith("BOT_KEYPAD_SHORTCUTS transfers to nobody, who")
