"""BOT_TRANSFER and BOT_TRANSFER_NUMBERS: what they hold, and what is wrong with them in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Settings, load_settings
from bot.config.loading import SettingsError

WHOLE = """
[sales]
number = "+1 (555) 555-0123"
about = "Prices and orders."
hours = ["Mon-Fri 09:00-17:30"]
zone = "Europe/Berlin"
ring_seconds = 30
mode = "briefing"
closed = "Sales is there from Monday to Friday."

[front-desk]
sip = "sip:desk@pbx.example.com:5061;transport=tls"
"""


def loaded(tmp_path: Path, text: str = "", **more: str) -> Settings:
    environ = dict(more)
    if text:
        path = tmp_path / "transfer.toml"
        path.write_text(text)
        environ["BOT_TRANSFER"] = str(path)
    return load_settings(environ)


def problem(tmp_path: Path, text: str = "", **more: str) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text, **more)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_a_file_names_each_destination(tmp_path: Path) -> None:
    sales, desk = loaded(tmp_path, WHOLE).destinations
    assert sales[:4] == ("sales", "+15555550123", "", "Prices and orders.")
    assert sales[5:] == (30, "briefing", "Sales is there from Monday to Friday.")
    assert str(sales.hours.zone) == "Europe/Berlin"
    assert desk[:4] == ("front-desk", "", "sip:desk@pbx.example.com:5061;transport=tls", "")
    assert (desk.ring_s, desk.mode, desk.hours.spans) == (25, "whisper", ())


def test_the_short_list_names_numbers_and_adds_to_the_file(tmp_path: Path) -> None:
    settings = loaded(tmp_path, WHOLE, BOT_TRANSFER_NUMBERS="garage=+15555550124, night = +15555550125 ,")
    assert [one.name for one in settings.destinations] == ["sales", "front-desk", "garage", "night"]
    assert [one.number for one in settings.transfer_numbers] == ["+15555550124", "+15555550125"]


def test_without_either_nobody_can_be_transferred_to(tmp_path: Path) -> None:
    assert loaded(tmp_path).destinations == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[sales]", "[sales] that must have a number or a sip address"),
        ('[sales]\nnumber = "+15555550123"\nsip = "sip:a@b.example"', "and not both"),
        ('[sales]\nnumber = "030 123"', "[sales] that must have its number in full"),
        ('[sales]\nnumber = "anonymous"', "must have its number in full"),
        ("[sales]\nnumber = 15555550123", "must have its number as text"),
        ('[sales]\nsip = "desk@pbx.example.com"', "must have its sip address as"),
        ('[sales]\nsip = "sip:desk@pbx..example.com"', "must have its sip address as"),
        ('[sales]\nsip = "sip:desk@pbx.example.com\\"/><Number>+1"', "must have its sip address as"),
        ('[Sales]\nnumber = "+15555550123"', "must have a name of at most 32 small letters"),
        ('[sales]\nnumber = "+15555550123"\nnumbr = 1', "has 'numbr', which nothing reads"),
        ('[sales]\nnumber = "+15555550123"\nring_seconds = "30"', "a whole number from 5 to 120"),
        ('[sales]\nnumber = "+15555550123"\nring_seconds = true', "a whole number from 5 to 120"),
        ('[sales]\nnumber = "+15555550123"\nring_seconds = 4', "a whole number from 5 to 120"),
        ('[sales]\nnumber = "+15555550123"\nmode = "cold"', "as mode whisper or briefing"),
        ('[sales]\nnumber = "+15555550123"\nmode = []', "as mode whisper or briefing"),
        ('[sales]\nnumber = "+15555550123"\nclosed = "a\\nb"', "its closed on one line"),
        (f'[sales]\nnumber = "+15555550123"\nabout = "{"a" * 301}"', "its about on one line"),
        ('[sales]\nnumber = "+15555550123"\nhours = ["Mon 09:00-17:00"]', "has hours and no zone"),
        ('number = "+15555550123"', "has 'number' outside of a table"),
        ("# nobody", "must have a destination"),
        ("[sales", "it is no TOML: Expected"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, text: str, why: str) -> None:
    told = problem(tmp_path, text)
    assert told.startswith("BOT_TRANSFER ")
    assert why in told


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert f"looked at {tmp_path}/none.toml" in problem(tmp_path, BOT_TRANSFER=str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes(b"[caf\xe9]")
    assert "UTF-8" in problem(tmp_path, BOT_TRANSFER=str(tmp_path / "latin.toml"))


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ("+15555550123", "name=number"),
        ("sales=+15555550123,sales=+15555550124", "entry 2 with a name that it has before"),
        ("front-desk=+15555550123", "entry 1 with a name that BOT_TRANSFER has too"),
        ("sales=+15555550123,=+15555550124", "must have a name"),
        ("garage=0301234567", "must have its number in full"),
        ("garage=", "must have a number"),
    ],
)
def test_a_wrong_short_list_is_told_in_a_sentence(tmp_path: Path, numbers: str, why: str) -> None:
    text = WHOLE.replace("[sales]", "[service]")
    told = problem(tmp_path, text, BOT_TRANSFER_NUMBERS=numbers)
    assert told.startswith("BOT_TRANSFER_NUMBERS ")
    assert why in told


def test_a_check_is_asked_over_https(tmp_path: Path) -> None:
    assert "https://" in problem(tmp_path, BOT_TRANSFER_CHECK_URL="http://desk.example.com/free")
    assert loaded(tmp_path, BOT_TRANSFER_CHECK_URL="https://desk.example.com/free").transfer_check_url
