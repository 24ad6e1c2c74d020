"""The examples in the topics profiles and lookup: they are taken as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bot.config import load_settings
from bot.config.profiles import load_profiles
from bot.docs import source
from bot.server.lookup.lookup_answer import read_answer


def blocks(topic: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", source(topic), re.DOTALL | re.MULTILINE)


def test_the_file_of_profiles_is_one(tmp_path: Path) -> None:
    (text,) = blocks("profiles", "toml")
    (file := tmp_path / "profiles.toml").write_text(text, encoding="utf-8")
    profiles = load_profiles(load_settings({"BOT_PROFILES": str(file), "BOT_RECORD": "audio"}))
    assert [(each.profile, profiles.numbers(each.profile)) for each in profiles] == [
        ("clinic", ("+15555550100", "sip:desk@bots.sip.twilio.com")),
        ("shop", ("+15555550101", "sip:shop")),
    ]
    assert profiles.of_number("+15555550199").record == ()


def test_the_answers_of_a_lookup_are_some() -> None:
    request, *answers = map(json.loads, blocks("lookup", "json"))
    assert request["data"].keys() == {"call_sid", "from", "to", "stir", "profile"}
    first, second = map(read_answer, answers)
    assert (first.profile, first.texts) == ("gold", {"name": "Ms Doe", "visits": "3"})
    assert second.refuse is not None
