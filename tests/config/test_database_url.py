"""DATABASE_URL and BOT_PII_KEY: what is taken, what it means, what is refused and in which words."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import SettingsError, load_settings
from bot.config.values.database_url import PostgresServer, SqliteFile, database_kind, parse_database_url, parse_key


def server(**changed: object) -> PostgresServer:
    plain = PostgresServer("me", "pw", "db.example.com", 5432, "calls", "prefer", None)
    return plain._replace(**changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("postgres://me:pw@db.example.com/calls", server()),
        ("postgresql://me:pw@db.example.com:6543/calls", server(port=6543)),
        ("postgres://me@db.example.com/calls", server(password="")),
        ("postgres://me:p%40w%2F%3A@db.example.com/my%20calls", server(password="p@w/:", database="my calls")),
        ("postgres://me:pw@[::1]:5432/calls", server(host="::1")),
        ("postgres://me:pw@db.example.com/calls?sslmode=disable", server(ssl_mode="disable")),
        ("postgres://me:pw@db.example.com/calls?sslmode=verify-full", server(ssl_mode="verify-full")),
        (
            f"postgres://me:pw@db.example.com/calls?sslmode=verify-ca&sslrootcert={__file__}",
            server(ssl_mode="verify-ca", ssl_root=Path(__file__)),
        ),
        # libpq: with a root certificate, "require" verifies
        (
            f"postgres://me:pw@db.example.com/calls?sslmode=require&sslrootcert={__file__}",
            server(ssl_mode="verify-ca", ssl_root=Path(__file__)),
        ),
        (
            "postgresql://me:pw@/calls?host=/run/postgresql",
            server(host="/run/postgresql", ssl_mode="disable"),
        ),
        ("postgresql+asyncpg://me:pw@db.example.com/calls", server()),
        ("postgresql+psycopg://me:pw@db.example.com/calls", server()),
        ("postgresql+psycopg_async://me:pw@db.example.com/calls", server()),
        ("postgresql+pg8000://me:p,w@db.example.com/calls", server(password="p,w")),
        ("postgres+psycopg2://me:pw@db.example.com/calls", server()),
        ("postgresql+asyncpg://me:pw@db.example.com/calls?ssl=require", server(ssl_mode="require")),
        ("postgresql+asyncpg://me:pw@db.example.com/calls?ssl=true", server(ssl_mode="require")),
        ("postgresql+asyncpg://me:pw@db.example.com/calls?ssl=False", server(ssl_mode="disable")),
        ("sqlite:///calls.sqlite", SqliteFile(Path("calls.sqlite"))),
        ("sqlite+aiosqlite:///calls.sqlite", SqliteFile(Path("calls.sqlite"))),
        ("sqlite+pysqlite:////var/lib/calls.sqlite", SqliteFile(Path("/var/lib/calls.sqlite"))),
        ("sqlite:////var/lib/my%20bot/calls%3F.sqlite", SqliteFile(Path("/var/lib/my bot/calls?.sqlite"))),
    ],
)
def test_a_database_url_is_read_as_its_maker_meant_it(url: str, meant: object) -> None:
    assert parse_database_url(url) == meant


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://me:pw@h/calls", "must start with postgres://, postgresql:// or sqlite:///"),
        ("sqlite://calls.sqlite", "must start with postgres://, postgresql:// or sqlite:///"),
        ("mysql+aiomysql://me:pw@h/calls", "must start with postgres://, postgresql:// or sqlite:///"),
        ("sqlite+aiosqlite://", "must start with postgres://, postgresql:// or sqlite:///"),
        ("postgres://me:pw@h/calls?ssl=maybe", "must have one of disable, prefer, require, verify-ca, verify-full as its sslmode"),
        ("postgres://me:pw@h/calls?ssl=true&sslmode=require", "has sslmode twice; take one away"),
        ("postgres://me:pw@h/calls?sslrootcert=%00", "must be made of printable characters, percent-encoded ones too"),
        ("postgres://me:pw%0a@h/calls", "must be made of printable characters, percent-encoded ones too"),
        ("sqlite:///", "must name a file after sqlite:///"),
        ("sqlite:///:memory:", "must name a file after sqlite:///"),
        ("sqlite:///a\nb", "must name a file after sqlite:///"),
        ("sqlite:///a?mode=ro", "must end with the file's path; percent-encode a ? or # in it"),
        ("postgres://me:pw@/calls", "must name the server's host, and a port from 1 to 65535 if any"),
        ("postgres://me:pw@h:0/calls", "must name the server's host, and a port from 1 to 65535 if any"),
        ("postgres://me:pw@h:x/calls", "must have a valid host, and a port from 1 to 65535 if any"),
        ("postgres://me:pw@h1,h2/calls", "must name one host; leave only the server that takes writes"),
        ("postgres://me:p,w@h1:5432,h2:5433/calls", "must name one host; leave only the server that takes writes"),
        ("postgres://me:pw@a..b/calls", "must have a valid host; the directory of a Unix socket goes into ?host="),
        ("postgres://me:pw@%2Frun%2Fpostgresql/calls", "must have a valid host; the directory of a Unix socket goes into ?host="),
        ("postgres://me:pw@h h/calls", "must have a valid host; the directory of a Unix socket goes into ?host="),
        ("sqlite+pysqlcipher:///calls.sqlite", "has a driver that can't be used here; begin it with sqlite:// alone"),
        ("sqlite+pysqlcipher://:pw@/calls.sqlite", "has a driver that can't be used here; begin it with sqlite:// alone"),
        ("sqlite+libsql:///calls.sqlite", "has a driver that can't be used here; begin it with sqlite:// alone"),
        ("sqlite+:///calls.sqlite", "has a driver that can't be used here; begin it with sqlite:// alone"),
        ("postgresql+aiosqlite://me:pw@h/calls", "has a driver that can't be used here; begin it with postgresql:// alone"),
        ("postgres+S3CRET://me:pw@h/calls", "has a driver that can't be used here; begin it with postgres:// alone"),
        ("redshift+psycopg2://me:pw@h/calls", "must start with postgres://, postgresql:// or sqlite:///"),
        ("cockroachdb+asyncpg://me:pw@h/calls", "must start with postgres://, postgresql:// or sqlite:///"),
        ("jdbc:postgresql://h/calls", "must start with postgres://, postgresql:// or sqlite:///"),
        ("sqlite:///$HOME/calls.sqlite", "has a ~ or a $NAME in its path, which only a shell understands; write the path in full"),
        ("sqlite:///file:calls.db", "must name a file by its path after sqlite:///, without file:"),
        ("postgres://me:pw@h/calls?host=/run", "has a host before its path and one in its query; take one away"),
        ("postgres://me:pw@/calls?host=/run,/tmp", "must name one host; leave only the server that takes writes"),
        ("sqlite:///~/calls.sqlite", "has a ~ or a $NAME in its path, which only a shell understands; write the path in full"),
        ("postgres://h/calls", "must name a user and a database: postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("postgres://me:pw@h/", "must name a user and a database: postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("postgres://me:p#w@h/calls", "must have no #; percent-encode one that belongs to the password"),
        (
            "postgres://me:pw@h/calls?sslmode=require&channel_binding=require",
            "has an option that is not known; take away channel_binding (known are host, sslmode, sslrootcert)",
        ),
        (
            "postgres://me:pw@h/calls?S3CR3T=1",
            "has an option that is not known; take away its query (known are host, sslmode, sslrootcert)",
        ),
        ("postgres://me:pw@h/calls?sslmode=allow", "must have one of disable, prefer, require, verify-ca, verify-full as its sslmode"),
        ("postgres://me:pw@h/calls?sslmode=require&sslmode=disable", "has sslmode twice; take one away"),
        ("postgres://me:pw@h/calls?sslrootcert=/nowhere.crt", "must have a file that exists as its sslrootcert; mend the path"),
        ("postgres://me:pw@/calls?host=db.example.com", "must have the server's name after the @; host= is for the directory of a Unix socket"),
    ],
)  # fmt: skip
def test_a_database_url_that_cannot_be_used_is_refused_in_a_sentence(url: str, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"DATABASE_URL": url})
    assert caught.value.problems == [f"DATABASE_URL {why}."]


@given(
    st.text(max_size=40), st.sampled_from(["", "postgres://", "postgresql://me:pw@", "sqlite:///", "postgres://h/d?"])
)
def test_any_text_is_a_database_or_a_sentence(text: str, head: str) -> None:
    found: object
    try:
        found = parse_database_url(head + text)
    except ValueError as error:
        found = str(error)
    told = found if isinstance(found, str) else ""
    assert isinstance(found, PostgresServer | SqliteFile) or told.startswith(("must ", "has "))
    scheme = (head + text).partition(":")[0]  # which may be told, as may an option's name
    assert len(text) < 8 or "?" in head + text or text not in told.replace(scheme, "")


def test_without_a_url_the_database_is_sqlite() -> None:
    assert database_kind("") == database_kind("sqlite:///a") == "sqlite"
    assert database_kind("postgres://me@h/d") == "postgresql"


KEY = bytes(range(200, 240))


@pytest.mark.parametrize(
    "text",
    [
        KEY.hex(),
        KEY.hex().upper(),
        base64.b64encode(KEY).decode(),
        base64.b64encode(KEY).decode().rstrip("="),
        base64.urlsafe_b64encode(KEY).decode(),
    ],
)
def test_a_key_is_read_from_hexadecimal_or_base64(text: str) -> None:
    assert parse_key(text) == KEY


@pytest.mark.parametrize(
    "text", ["", "secret", KEY[:31].hex(), base64.b64encode(KEY[:31]).decode(), "é" * 64, "zz" * 32 + "*"]
)
def test_a_key_that_is_too_short_or_no_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^must be 32 random bytes or more in hexadecimal or base64; `openssl"
    ) as caught:
        parse_key(text)
    assert not text or text not in str(caught.value)
