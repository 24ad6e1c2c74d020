"""Profiles: what holds over what, and whose number is whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import SettingsError
from bot.config.profiles import load_profiles
from tests.config.profiles.test_profile_file import written

TWO = """
[clinic]
numbers = ["+1 (555) 555-0100", "sip:desk@bots.sip.twilio.com", "sip:nurse", "client:Clinic"]
BOT_GREETING = "This is the clinic."
BOT_RECORD = ["audio"]
BOT_IDLE_SECONDS = 0

[shop]
numbers = ["+15555550101"]
BOT_VOICE = "cedar"
BOT_RECORD = ""
BOT_VAD_THRESHOLD = 0.7
"""


def test_a_profile_holds_over_the_environment_and_that_over_the_defaults(tmp_path: Path) -> None:
    base = written(tmp_path, TWO, BOT_RECORD="fixture", BOT_LANGUAGE="de", BOT_GREETING="Hallo.")
    profiles = load_profiles(base)
    clinic, shop = profiles
    assert (clinic.greeting, clinic.record, clinic.idle_s) == ("This is the clinic.", ("audio",), 0)
    assert (clinic.language, clinic.voice) == ("de", "marin")
    assert (shop.greeting, shop.voice, shop.vad_threshold) == ("Hallo.", "cedar", 0.7)
    assert shop.record == ()  # an empty value unsets what the environment has set
    assert (base.greeting, base.record) == ("Hallo.", ("fixture",))
    assert clinic.origins["BOT_GREETING"] == ("profile clinic", "This is the clinic.")
    assert "BOT_RECORD" not in shop.origins


@pytest.mark.parametrize(
    ("called", "profile"),
    [
        ("+15555550100", "clinic"),
        ("+15555550101", "shop"),
        ("+15555550102", ""),
        ("", ""),
        ("sip:desk@bots.sip.twilio.com", "clinic"),
        ("sip:Desk@BOTS.sip.twilio.com:5060;transport=udp?X-Tag=1", "clinic"),
        ("sips:desk@bots.sip.twilio.com", "clinic"),
        ("sip:desk@elsewhere.example.com", ""),
        ("sip:nurse@elsewhere.example.com", "clinic"),
        ("sip:+15555550101@elsewhere.example.com", "shop"),
        ("client:clinic", "clinic"),
    ],
)
def test_the_number_that_is_called_chooses(tmp_path: Path, called: str, profile: str) -> None:
    assert load_profiles(written(tmp_path, TWO)).of_number(called).profile == profile


def test_a_number_that_no_profile_has_gets_the_default(tmp_path: Path) -> None:
    profiles = load_profiles(written(tmp_path, f'default = "shop"\n{TWO}'))
    assert profiles.of_number("+15555550199").profile == "shop"
    assert profiles.of_number("+15555550100").profile == "clinic"
    assert profiles.named("") is profiles.base


def test_without_a_file_every_call_has_the_environments_settings(tmp_path: Path) -> None:
    base = written(tmp_path, TWO).model_copy(update={"profiles": None})
    profiles = load_profiles(base)
    assert list(profiles) == []
    assert profiles.of_number("+15555550100") is base


def test_another_setting_of_the_server_is_known_to_a_profile(tmp_path: Path) -> None:
    """XAI's voices are others, and a call that finds no room is not sent back to us."""
    xai = {"BOT_DIALECT": "xai", "OPENAI_REALTIME_URL": "wss://api.x.ai/v1/realtime"}
    (one,) = load_profiles(written(tmp_path, '[a]\nBOT_VOICE = "Ara"', **xai))
    assert one.chosen_voice == "Ara"
    base = written(tmp_path, '[a]\nBOT_OVERFLOW_URL = "https://b.example/x"', PUBLIC_URL="https://b.example")
    with pytest.raises(SettingsError, match="must be on another host than PUBLIC_URL"):
        load_profiles(base)


def test_a_call_that_is_carried_on_has_its_profile_and_its_own_texts_again(tmp_path: Path) -> None:
    profiles = load_profiles(written(tmp_path, TWO))
    again = profiles.again("clinic", {"BOT_GREETING": "Hello, Ann."})
    assert (again.profile, again.greeting, again.idle_s) == ("clinic", "Hello, Ann.", 0)
    assert again.changes == {"BOT_GREETING": "Hello, Ann."}
    assert profiles.named("clinic").changes == {}  # type: ignore[union-attr]
    assert profiles.again("closed-since", {}).profile == ""


def test_a_file_that_is_wrong_when_read_again_changes_nothing(tmp_path: Path) -> None:
    base = written(tmp_path, TWO)
    profiles = load_profiles(base)
    written(tmp_path, TWO.replace("cedar", "cedr"))
    with pytest.raises(SettingsError):
        profiles.fresh()
    assert profiles.of_number("+15555550101").voice == "cedar"
    written(tmp_path, TWO.replace("cedar", "ash"))
    profiles.take(profiles.fresh())
    assert profiles.of_number("+15555550101").voice == "ash"


def test_what_is_read_again_is_judged_as_at_the_start(tmp_path: Path) -> None:
    profiles = load_profiles(written(tmp_path, TWO))
    profiles.judge = lambda settings: ["all are odd", *["a clinic is odd"] * (settings.profile == "clinic")]
    with pytest.raises(SettingsError) as caught:
        profiles.fresh()
    assert caught.value.problems == ["Profile clinic: a clinic is odd"]
