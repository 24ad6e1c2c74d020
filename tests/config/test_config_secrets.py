"""Secrets: none is repeated by a sentence of the start, however many there are of one setting."""

from __future__ import annotations

import itertools

import pytest

from bot.config import SettingsError, load_settings

NEW, OLD = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
PLACES = ("PORT", "BOT_SPEED", "BOT_LANGUAGE", "BOT_BARGE_IN", "LOG_LEVEL", "TWILIO_ACCOUNT_SID", "BOT_MAX_CALLS")


@pytest.mark.parametrize(("place", "pasted"), list(itertools.product(PLACES, (NEW, OLD, f"x{OLD}y"))))
def test_neither_of_two_auth_tokens_is_repeated_where_it_was_pasted_by_mistake(place: str, pasted: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"TWILIO_AUTH_TOKEN": f"{NEW},{OLD}", place: pasted})
    told = "\n".join(caught.value.problems)
    assert place in told
    assert NEW not in told
    assert OLD not in told


def test_both_auth_tokens_are_secrets_by_themselves() -> None:
    settings = load_settings({"TWILIO_AUTH_TOKEN": f"{NEW},{OLD}"})
    assert {NEW, OLD} <= set(settings.secrets)
    assert settings.auth_tokens == (NEW, OLD)
