"""Numbers as hashes, and the key they are made with."""

from __future__ import annotations

import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from bot.config import load_settings
from bot.config.values.caller_lists import e164
from bot.store import pii
from bot.store.pii import caller_hash, key_beside, pii_key
from bot.store.urls import StoreError, url_of

KEY = bytes(range(32))


def test_the_hash_is_an_hmac_of_the_number_under_the_key() -> None:
    assert caller_hash("+15555550142", KEY) == hmac.new(KEY, b"+15555550142", hashlib.sha256).hexdigest()
    assert caller_hash("+15555550142", KEY[::-1]) != caller_hash("+15555550142", KEY)
    assert caller_hash("+15555550143", KEY) != caller_hash("+15555550142", KEY)


@pytest.mark.parametrize(
    "written", ["+15555550142", " +1 555 555 0142\n", "+1 (555) 555-0142", "+1.555.555.0142", "+1/555\u00a0555 0142"]
)
def test_a_number_is_the_same_however_it_is_written(written: str) -> None:
    assert e164(written) == "+15555550142"


@pytest.mark.parametrize(
    "nobody",
    [
        *("", "anonymous", "Restricted", "client:bob", "sip:bob@example.com", "sip:+15555550142@example.com"),
        *("15555550142", "0049301234567", "+0301234567", "+1", "+123456", "+1234567890123456", "+1555555O142"),
        *("+١٥٥٥٥٥٥٠١٤٢", "+266696687", "+17378742833", "+12562533", "+8656696", "+7378742883"),
    ],
)
def test_what_is_no_number_or_nobody_s_has_no_hash(nobody: str) -> None:
    assert caller_hash(nobody, KEY) == ""


def test_the_key_is_made_once_beside_the_database_and_not_in_it(tmp_path: Path) -> None:
    where = url_of("", tmp_path / "recordings")
    key = pii_key(load_settings({}), where)
    path = tmp_path / "recordings" / "calls.key"
    assert (len(key), path.read_text()) == (32, f"{key.hex()}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pii_key(load_settings({}), where) == key
    assert [one.name for one in path.parent.iterdir()] == ["calls.key"]


def test_a_key_that_is_given_goes_first_and_none_is_made(tmp_path: Path) -> None:
    given = load_settings({"BOT_PII_KEY": KEY.hex()})
    assert pii_key(given, url_of("", tmp_path)) == KEY
    assert list(tmp_path.iterdir()) == []


def test_with_postgres_the_key_must_be_given(tmp_path: Path) -> None:
    where = url_of("postgres://me:pw@db.example.com/calls", tmp_path)
    with pytest.raises(StoreError, match="BOT_PII_KEY is not set, and DATABASE_URL is Postgres; make one with"):
        pii_key(load_settings({}), where)
    assert pii_key(load_settings({"BOT_PII_KEY": KEY.hex()}), where) == KEY


def test_all_who_ask_at_once_get_the_same_key(tmp_path: Path) -> None:
    together = Barrier(8)

    def ask(_number: int) -> bytes:
        together.wait()
        return key_beside(tmp_path / "calls.sqlite")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["calls.key"]


def test_one_who_loses_the_race_takes_the_winner_s_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calls.key"

    def a_moment_later(_count: int) -> str:
        path.write_text(KEY.hex())
        return "ab" * 32

    monkeypatch.setattr(pii.secrets, "token_hex", a_moment_later)
    assert key_beside(tmp_path / "calls.sqlite") == KEY


@pytest.mark.parametrize("text", ["", "not a key", "ab" * 31, "\xff"])
def test_a_key_file_that_holds_no_key_is_told_and_not_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calls.key"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(StoreError, match="is not 32 bytes in hexadecimal; put the right one back"):
        key_beside(tmp_path / "calls.sqlite")
    assert path.read_text(encoding="latin-1") == text


def test_a_directory_where_no_key_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"The key .*calls\.key cannot be made or read \("):
        key_beside(tmp_path / "file" / "calls.sqlite")
