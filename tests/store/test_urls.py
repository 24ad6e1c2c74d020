"""DATABASE_URL as an engine: drivers, TLS, and no password anywhere."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.config import load_settings
from bot.store import urls
from bot.store.sql.engine import make_engine
from bot.store.urls import StoreError, StoreUrl, store_url, url_of
from tests.postgres import PASSWORD, Server
from tests.store.conftest import SHARED, emptied_database

SERVER = "postgres://me:p%40ssw0rd@db.example.com:6543/calls"


def test_without_a_url_the_calls_go_to_a_file_in_the_recording_directory(tmp_path: Path) -> None:
    where = store_url(load_settings({"BOT_RECORD_DIR": str(tmp_path)}))
    assert (where.dialect, where.path, where.record_dir) == ("sqlite", tmp_path / "calls.sqlite", tmp_path)
    assert where.url.drivername == "sqlite+aiosqlite"


def test_a_relative_file_is_one_of_the_directory_the_bot_was_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    where = store_url(load_settings({"DATABASE_URL": "sqlite:///my.db", "BOT_RECORD_DIR": "elsewhere"}))
    assert (where.path, where.record_dir) == (tmp_path / "my.db", Path("elsewhere"))


def test_a_postgres_url_becomes_asyncpg_s(tmp_path: Path) -> None:
    where = url_of(SERVER, tmp_path)
    assert (where.url.drivername, where.url.username, where.url.password) == ("postgresql+asyncpg", "me", "p@ssw0rd")
    assert (where.connect_args["host"], where.connect_args["port"]) == ("db.example.com", 6543)
    assert (where.url.database, where.path) == ("calls", None)


@pytest.mark.parametrize(
    ("mode", "argument"), [("", "prefer"), ("?sslmode=prefer", "prefer"), ("?sslmode=disable", False)]
)
def test_modes_without_a_certificate_are_asyncpg_s_own(tmp_path: Path, mode: str, argument: object) -> None:
    assert url_of(SERVER + mode, tmp_path).connect_args["ssl"] == argument


@pytest.mark.parametrize(
    ("mode", "verify", "names"),
    [
        ("require", ssl.CERT_NONE, False),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("verify-full", ssl.CERT_REQUIRED, True),
    ],
)
def test_modes_that_demand_encryption_are_contexts(tmp_path: Path, mode: str, verify: int, names: bool) -> None:
    context = url_of(f"{SERVER}?sslmode={mode}", tmp_path).connect_args["ssl"]
    assert (context.verify_mode, context.check_hostname) == (verify, names)


def test_a_root_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    root = tmp_path / "root.crt"
    root.write_text("not PEM")
    with pytest.raises(StoreError, match="must have a file of PEM certificates as its sslrootcert"):
        url_of(f"{SERVER}?sslmode=verify-ca&sslrootcert={root}", tmp_path)


def test_a_url_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^DATABASE_URL must name a user and a database: .*\.$"):
        url_of("postgres://db.example.com/calls", tmp_path)


def test_without_the_driver_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(StoreError, match=r"pip install '\.\[postgres\]'"):
        url_of(SERVER, tmp_path)


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    where = url_of(SERVER, tmp_path)
    shown = f"{where} {where!r} {where.url} {make_engine(where)!r}"
    assert "p@ssw0rd" not in shown
    assert "p%40ssw0rd" not in shown
    assert str(where) == "postgresql://me@db.example.com:6543/calls"
    assert str(url_of("", tmp_path)) == f"sqlite:///{tmp_path}/calls.sqlite"


# ---- a real server ----


async def answer(where: StoreUrl, query: str) -> object:
    engine = make_engine(where)
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(query))).scalar_one()
    finally:
        await engine.dispose()


ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


Reach = Callable[..., StoreUrl]


@pytest.fixture
async def reach(postgres: Server, tmp_path: Path) -> Reach:
    """Maker of the address of the tests' database, with `query` and `host`."""
    database = await emptied_database(postgres, tmp_path)
    return lambda **url: url_of(postgres.url(database, **url), tmp_path)


@pytest.fixture
def tls(postgres: Server) -> Path:
    if postgres.root is None:
        pytest.skip("there is no openssl to make a certificate with")
    return postgres.root


async def test_a_password_full_of_punctuation_gets_in(reach: Reach) -> None:
    assert await answer(reach(), "SELECT current_user") == "heardline"


async def test_a_unix_socket_is_named_by_its_directory(postgres: Server, reach: Reach) -> None:
    where = reach(host="", query=f"?host={postgres.socket_dir}")
    assert await answer(where, "SELECT inet_server_addr() IS NULL") is True


@pytest.mark.parametrize(
    ("query", "encrypted"),
    [("?sslmode=disable", False), ("", True), ("?sslmode=prefer", True), ("?sslmode=require", True)],
)
async def test_the_connection_is_encrypted_as_the_mode_says(
    reach: Reach, tls: Path, query: str, encrypted: bool
) -> None:
    assert await answer(reach(query=query), ENCRYPTED) is encrypted


@pytest.mark.parametrize(
    ("mode", "host", "gets_in"),
    [
        ("verify-ca", "127.0.0.1", True),  # the certificate is for localhost
        ("verify-full", "127.0.0.1", False),
        ("verify-full", "localhost", True),
        ("require", "127.0.0.1", True),
    ],
)
async def test_a_certificate_is_verified_as_the_mode_says(
    reach: Reach, tls: Path, mode: str, host: str, gets_in: bool
) -> None:
    where = reach(query=f"?sslmode={mode}&sslrootcert={tls}", host=host)
    if gets_in:
        assert await answer(where, ENCRYPTED) is True
        return
    with pytest.raises(ssl.SSLCertVerificationError):
        await answer(where, ENCRYPTED)


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_certificate_that_the_system_does_not_know_is_refused(reach: Reach, tls: Path, mode: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await answer(reach(query=f"?sslmode={mode}", host="localhost"), ENCRYPTED)


async def test_no_error_of_the_server_repeats_the_password(postgres: Server, tmp_path: Path) -> None:
    for url in (postgres.url("no_such_database"), postgres.url(SHARED).replace("heardline:", "somebody:")):
        with pytest.raises((SQLAlchemyError, OSError)) as caught:
            await answer(url_of(url, tmp_path), "SELECT 1")
        assert PASSWORD not in f"{caught.value} {caught.value!r}"


def test_a_directory_in_the_place_of_sqlite_s_file_is_refused_before_the_driver_starts(tmp_path: Path) -> None:
    """Its thread would outlive the event loop, and print a traceback behind the sentence."""
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        make_engine(url_of(f"sqlite:///{tmp_path}", tmp_path))


def test_so_is_a_file_that_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    with pytest.raises(PermissionError, match="Permission denied"):
        make_engine(url_of(f"sqlite:///{tmp_path}/calls.sqlite", tmp_path))
