"""Placeholders in the operator's texts: filled once, with what is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import load_settings, warnings_about
from bot.config.profiles.placeholders import filled, personal, unfilled

ANN = {"name": "Ann", "none": "", "nested": "{{name}}", "odd": r"\1 \g<0> {{x|y}}"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello {{name}}!", "Hello Ann!"),
        ("Hello {{ name }}!", "Hello Ann!"),
        ("Hello {{nobody}}!", "Hello!"),
        ("Hello {{none}}!", "Hello!"),
        ("Hello {{nobody|there}}!", "Hello there!"),
        ("Hello {{none| dear caller }}!", "Hello dear caller!"),
        ("{{name}}{{name}}", "AnnAnn"),
        ("{{nested}}", "{{name}}"),
        ("{{odd}}", r"\1 \g<0> {{x|y}}"),
        ("{name} {{}} {{1}} {{a b}} {{name", "{name} {{}} {{1}} {{a b}} {{name"),
    ],
)
def test_what_stands_in_a_value_is_no_placeholder(text: str, said: str) -> None:
    assert filled(text, ANN) == said


@given(value=st.text(max_size=50))
def test_any_value_is_taken_as_it_is(value: str) -> None:
    assert filled("<{{x}}>", {"x": value}) == f"<{value.strip()}>"


def test_without_a_lookup_braces_are_the_operators_own() -> None:
    settings = load_settings({"BOT_GREETING": "Hello {{name}}!"})
    assert unfilled(settings) is settings
    assert [told for told in warnings_about(settings) if "{{" in told] == [
        "BOT_GREETING has a placeholder in {{ }}, and BOT_LOOKUP_URL is not set: it is said as it stands."
    ]


def test_with_one_nothing_is_ever_said_in_braces() -> None:
    asking = {"BOT_LOOKUP_URL": "https://crm.operator.net/who", "BOT_GREETING": "Hello {{name|you}}!"}
    settings = load_settings(asking)
    assert unfilled(settings).greeting == "Hello you!"
    assert warnings_about(settings) == warnings_about(load_settings({**asking, "BOT_GREETING": "Hello you!"}))


def test_extra_instructions_stand_behind_the_operators_own_and_a_call_keeps_them() -> None:
    settings = load_settings({"BOT_INSTRUCTIONS": "Be {{mood}}.", "BOT_GREETING": "Hi."})
    one = personal(settings, {"mood": "kind"}, "She is in a hurry.")
    assert one.instructions == "Be kind.\n\nShe is in a hurry."
    assert one.changes == {"BOT_INSTRUCTIONS": one.instructions}
    assert settings.changed(one.changes) == one
