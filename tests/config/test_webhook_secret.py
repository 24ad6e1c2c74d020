"""BOT_WEBHOOK_SECRET and the URLs that need it: what is taken, refused, hidden and missed."""

from __future__ import annotations

import base64

import pytest

from bot.config import SettingsError, load_settings, missing_for_call, warnings_about
from bot.config.shown_settings import effective
from bot.config.values.webhook_secret import webhook_keys

URL = "https://hooks.operator.net/heardline"
KEY = bytes(range(100, 132))
SECRET = base64.b64encode(KEY).decode()
OLD = "whsec_" + base64.b64encode(KEY[::-1]).decode()


@pytest.mark.parametrize("text", [SECRET, SECRET.rstrip("="), f"whsec_{SECRET}"])
def test_a_secret_is_read_with_or_without_its_prefix_and_padding(text: str) -> None:
    assert webhook_keys(text) == (KEY,)
    assert load_settings({"BOT_WEBHOOK_SECRET": text}).webhook_secret.get_secret_value() == text


def test_two_secrets_are_taken_while_rotating_and_both_are_hidden() -> None:
    settings = load_settings({"BOT_WEBHOOK_SECRET": f"{SECRET}, {OLD}"})
    assert webhook_keys(settings.webhook_secret.get_secret_value()) == (KEY, KEY[::-1])
    assert {SECRET, OLD.removeprefix("whsec_")} <= set(settings.secrets)
    (shown,) = (line.value for line in effective(settings) if line.name == "BOT_WEBHOOK_SECRET")
    assert shown == f"***{SECRET[-4:]}, ***{OLD[-4:]}"


@pytest.mark.parametrize(
    "text",
    [
        "short",
        base64.b64encode(bytes(23)).decode(),
        base64.b64encode(bytes(65)).decode(),
        base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        f"{SECRET},{OLD},{SECRET}",
        f"{SECRET},",
        f"{SECRET},short",
        "sk-0123456789abcdef0123456789abcdef",
    ],
)
def test_what_verifiers_would_read_otherwise_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"BOT_WEBHOOK_SECRET": text})
    (problem,) = caught.value.problems
    assert problem.startswith("BOT_WEBHOOK_SECRET ")
    assert text not in problem


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.operator.net/a",
        "https://user:pass@hooks.operator.net/",
        "https://hooks.operator.net/#a",
        "https://hooks.operator.net/?a=b#c",
        "https://hooks.operator.net/?a=b c",
        "hooks.operator.net",
        "https://hooks..net/",
    ],
)
def test_a_url_that_can_be_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="BOT_WEBHOOK_URL"):
        load_settings({"BOT_WEBHOOK_URL": url})


def test_a_url_with_the_key_of_a_service_in_its_query_is_taken_and_the_key_hidden() -> None:
    settings = load_settings({"BOT_WEBHOOK_URL": f"{URL}?code=0123456789"})
    assert settings.webhook_url == f"{URL}?code=0123456789"
    (shown,) = (line.value for line in effective(settings) if line.name == "BOT_WEBHOOK_URL")
    assert shown == f"{URL}?***"
    assert "code=0123456789" in settings.secrets


def _about_the_secret(environ: dict[str, str]) -> list[str]:
    return [told for told in missing_for_call(load_settings(environ)) if "BOT_WEBHOOK_SECRET" in told]


def test_a_url_without_a_secret_keeps_the_bot_from_starting() -> None:
    (told,) = _about_the_secret({"BOT_WEBHOOK_URL": URL})
    assert told.startswith("BOT_WEBHOOK_SECRET is not set, and BOT_WEBHOOK_URL is: make one with")
    assert not _about_the_secret({"BOT_WEBHOOK_URL": URL, "BOT_WEBHOOK_SECRET": SECRET})
    assert not _about_the_secret({})


def test_a_secret_that_signs_nothing_is_a_warning() -> None:
    told = [line for line in warnings_about(load_settings({"BOT_WEBHOOK_SECRET": SECRET})) if "BOT_WEBHOOK" in line]
    assert told == ["BOT_WEBHOOK_SECRET has no effect: no URL is set that it would sign for."]
