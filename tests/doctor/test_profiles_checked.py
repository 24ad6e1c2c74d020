"""Profiles in `bot check` and `bot serve`: judged as the environment is, and shown where they differ from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doctor.test_readiness import both, clean_environment, run, unbound

__all__ = ["clean_environment", "unbound"]


def file(path: Path, text: str) -> str:
    (path / "profiles.toml").write_text(text)
    return str(path / "profiles.toml")


def test_each_profile_is_shown_with_its_numbers_and_what_differs(tmp_path: Path) -> None:
    text = (
        'default = "shop"\n[clinic]\nnumbers = ["+1 555 555 0100", "sip:desk"]\nBOT_VOICE = "cedar"\n'
        'BOT_GREETING = "Hello."\n[shop]\n[test]\nBOT_RECORD = ""\n'
    )
    shown = run("check", BOT_PROFILES=file(tmp_path, text), BOT_VOICE="cedar", BOT_RECORD="audio")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    first = lines.index("Profile clinic, for +15555550100, sip:desk:")
    assert lines[first:-1] == [
        "Profile clinic, for +15555550100, sip:desk:",
        "  BOT_GREETING=Hello.",
        "Profile shop, for every number that no profile has:",
        "  nothing differs",
        "Profile test, for calls it is asked for by name:",
        "  BOT_RECORD=(not set)",
    ]


@pytest.mark.usefixtures("unbound")
def test_a_wrong_profile_keeps_the_server_from_starting(tmp_path: Path) -> None:
    path = file(tmp_path, "[clinic]\nBOT_SPEED = 9\nPORT = 1\n")
    assert both(BOT_PROFILES=path) == [
        (
            f"Profile clinic in {path}: PORT holds for the whole server and can't be changed for a call: set it in the "
            "environment."
        ),
        f"Profile clinic in {path}: BOT_SPEED must be a number from 0.25 to 1.5, not '9'.",
    ]


@pytest.mark.usefixtures("unbound")
def test_what_is_each_right_but_not_together_is_told_of_the_profile(tmp_path: Path) -> None:
    (wav := tmp_path / "x.wav").write_bytes(b"OggS" + bytes(100))
    path = file(tmp_path, f'[shop]\nBOT_GREETING_AUDIO = "{wav}"\n')
    (told,) = both(BOT_PROFILES=path)
    assert told.startswith(f"Profile shop: BOT_GREETING_AUDIO: {wav} is an Ogg file, not a WAV file; convert it")
    path = file(tmp_path, '[clinic]\nBOT_ANNOUNCEMENT = "Recorded."')
    shown = run("check", BOT_PROFILES=path)
    assert shown.exit_code == 1
    told = (
        "  Profile clinic: BOT_ANNOUNCEMENT_AUDIO is not set: record the words of BOT_ANNOUNCEMENT as a WAV file and "
    )
    assert f"{told}name it." in shown.stdout.splitlines()


def test_a_warning_of_the_environment_is_not_repeated_for_each_profile(tmp_path: Path) -> None:
    path = file(tmp_path, '[clinic]\nBOT_VOICE = "ash"\n[shop]\nOPENAI_REALTIME_MODEL = "gpt-realtime"\n')
    warnings = [
        line
        for line in run("check", BOT_PROFILES=path, BOT_REASONING_EFFORT="low").stdout.splitlines()
        if "Warn" in line
    ]
    assert len([line for line in warnings if "PUBLIC_URL" in line]) <= 1
    assert [line.split(" is ")[0] for line in warnings if "Profile" in line] == [
        "Warning: Profile shop: OPENAI_REALTIME_MODEL",
        "Warning: Profile shop: BOT_REASONING_EFFORT has no effect: gpt-realtime does not take it.",
    ]
