"""The file of profiles: every slip in it is a sentence that names the profile, the setting and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Settings, SettingsError, load_settings
from bot.config.profiles import load_profiles
from bot.config.settings_table import OF_THE_SERVER, variables


def written(path: Path, text: str, **environ: str) -> Settings:
    (file := path / "profiles.toml").write_text(text, encoding="utf-8")
    return load_settings({"BOT_PROFILES": str(file), **environ})


def problems(path: Path, text: str, **environ: str) -> list[str]:
    """The sentences about the file, with FILE in place of its path."""
    settings = written(path, text, **environ)
    with pytest.raises(SettingsError) as caught:
        load_profiles(settings)
    return [told.replace(str(settings.profiles), "FILE") for told in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a]\nBOT_VOICE = 'cedr'", "Profile a in FILE: BOT_VOICE must be one of alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin, cedar, or the id of a custom voice (voice_...); the nearest is cedar."),
        ("[a]\nBOT_SPEED = 9", "Profile a in FILE: BOT_SPEED must be a number from 0.25 to 1.5, not '9'."),
        ("[a]\nBOT_GREETNG = 'x'", "Profile a in FILE: BOT_GREETNG is no setting; rename it to BOT_GREETING, the nearest there is, or take it away."),
        ("[a]\ngreeting = 'x'", "Profile a in FILE: greeting is no setting; rename it to BOT_GREETING, the nearest there is, or take it away."),
        ("[a]\nnumber = ['+15555550100']", "Profile a in FILE: number is no setting; rename it to numbers, the nearest there is, or take it away."),
        ("[a]\nzzz = 1", "Profile a in FILE: zzz is no setting; take it away (`bot check` lists those there are)."),
        ("[a]\nPORT = 8080", "Profile a in FILE: PORT holds for the whole server and can't be changed for a call: set it in the environment."),
        ("[a]\nBOT_PII_KEY_FILE = '/k'", "Profile a in FILE: BOT_PII_KEY_FILE holds for the whole server and can't be changed for a call: set it in the environment."),
        ("[a]\nBOT_BARGE_IN = true", "Profile a in FILE: BOT_BARGE_IN must be one of on, after_greeting, off, in quotation marks, not true or false."),
        ("[a]\nBOT_GREETING = ['a', 'b']", "Profile a in FILE: BOT_GREETING must be a text, or off, in quotation marks, not a list."),
        ("[a]\nBOT_GREETING = {x = 1}", "Profile a in FILE: BOT_GREETING must be a text, or off, in quotation marks, not a table."),
        ("[a]\nBOT_INSTRUCTIONS = 'x'\nBOT_INSTRUCTIONS_FILE = '/y'", "Profile a in FILE: BOT_INSTRUCTIONS and BOT_INSTRUCTIONS_FILE are both set; unset one of them."),
        ("[a]\nBOT_INSTRUCTIONS_FILE = '/no/such.txt'", "Profile a in FILE: BOT_INSTRUCTIONS_FILE names a file that cannot be used, /no/such.txt (No such file or directory); mend it or the path."),
        ("[a]\nnumbers = '+15555550100'", 'Profile a in FILE: numbers must be a list of texts, such as ["+15555550100", "sip:desk"].'),
        ("[a]\nnumbers = ['+15555550100', '911']", "Profile a in FILE: entry 2 of numbers must be a telephone number in full, such as +15555550100, or a SIP address, such as sip:desk@example.com."),
        ("[A]\nBOT_VOICE = 'cedar'", "BOT_PROFILES: A in FILE is no name for a profile: one begins with a small letter or a digit, goes on with those, - and _, 40 at most, and is not default."),
        ("[default]\nBOT_VOICE = 'cedar'", "BOT_PROFILES: default in FILE is no name for a profile: one begins with a small letter or a digit, goes on with those, - and _, 40 at most, and is not default."),
        ("BOT_VOICE = 'cedar'", "BOT_PROFILES: BOT_VOICE stands in FILE before any profile; put it under the [name] of one."),
        ("numbers = []", "BOT_PROFILES: numbers stands in FILE before any profile; put it under the [name] of one."),
        ("clinic = 'x'", "BOT_PROFILES: clinic in FILE is no profile; write [clinic] and its settings."),
        ("default = 'clinc'\n[clinic]", "BOT_PROFILES: default in FILE must be the name of a profile in it, not clinc; the nearest is clinic."),
        ("default = 3\n[clinic]", "BOT_PROFILES: default in FILE must be the name of a profile in it, not 3."),
        ("default = ''\n[clinic]", "BOT_PROFILES: default in FILE is empty; name a profile, or take it away."),
        ("[a]\nnumbers = ['+1 555 555 0100']\n[b]\nnumbers = ['+15555550100']", "BOT_PROFILES: +15555550100 is in the profiles a and b in FILE; leave it in one."),
        ("[a]\nnumbers = ['sip:Desk@x.com:5060']\n[b]\nnumbers = ['sips:desk@X.com;transport=tls']", "BOT_PROFILES: sip:desk@x.com is in the profiles a and b in FILE; leave it in one."),
        ("[profiles.clinic]\nBOT_VOICE = 'cedar'", "Profile profiles in FILE: clinic is a table in it; if it is a profile, begin it with [clinic]."),
        ("[a\n", "BOT_PROFILES: FILE can't be read (it is no TOML: Expected ']' at the end of a table declaration (at line 1, column 3)); mend it."),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_its_profile_its_setting_and_the_mend(tmp_path: Path, text: str, told: str) -> None:
    assert problems(tmp_path, text) == [told]


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = "[a]\nBOT_VOICE = 'cedr'\nPORT = 1\n[b]\nBOT_SPEED = 9\nBOT_IDLE_SECONDS = -1"
    assert [told.split(": ")[1].split()[0] for told in problems(tmp_path, text)] == [
        "PORT",
        "BOT_VOICE",
        "BOT_SPEED",
        "BOT_IDLE_SECONDS",
    ]


def test_a_fault_of_the_environment_is_told_of_the_environment_alone(tmp_path: Path) -> None:
    (file := tmp_path / "p.toml").write_text("[a]\nBOT_VOICE = 'cedar'")
    with pytest.raises(SettingsError) as caught:
        load_settings({"BOT_PROFILES": str(file), "BOT_SPEED": "9"})
    assert [told.split()[0] for told in caught.value.problems] == ["BOT_SPEED"]


def test_a_secret_in_the_place_of_a_setting_is_not_repeated(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "[a]\nBOT_VOICE = 'sk-proj-0123456789abcdef0123456789'")
    assert "0123456789" not in told


def test_every_setting_is_the_servers_or_a_calls() -> None:
    """A setting of the server is told so; secrets, addresses and what processes share can't differ by call."""
    assert variables().keys() >= OF_THE_SERVER
    secret = {name for name, variable in variables().items() if variable.secret}
    assert secret <= OF_THE_SERVER
    others = {name for name in variables() if not name.startswith("BOT_")} - OF_THE_SERVER
    assert others == {"OPENAI_REALTIME_MODEL"}
