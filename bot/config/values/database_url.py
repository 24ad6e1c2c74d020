"""DATABASE_URL and BOT_PII_KEY taken apart. Pure; what a ValueError says never holds a password or a key."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from bot.config.values.hosts import is_host
from bot.config.values.paths import there, unexpanded

KEY_BYTES = 32
SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_OPTIONS = ("host", "sslmode", "sslrootcert")
_SSL_SPELLINGS = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
_HEX = re.compile("[0-9a-fA-F]+")
_DRIVER = re.compile(r"\A(postgres|postgresql|sqlite)\+([^:/]*)(?=://)")
_DRIVERS = {
    "sqlite": frozenset({"aiosqlite", "pysqlite"}),
    "postgres": frozenset({"asyncpg", "psycopg", "psycopg_async", "psycopg2", "psycopg2cffi", "pg8000"}),
}
"""Drivers that SQLAlchemy's URLs may name. The choice is ours, but not another kind of file or server behind one."""
_SQLITE = "sqlite:///"


class SqliteFile(NamedTuple):
    """`sqlite:///calls.sqlite`, or `sqlite:////var/lib/bot/calls.sqlite` for a path from the root on."""

    path: Path


class PostgresServer(NamedTuple):
    """A database of a PostgreSQL server. `host` is a name, an address, or the directory of a Unix socket."""

    user: str
    password: str
    host: str
    port: int
    database: str
    ssl_mode: str
    ssl_root: Path | None


Database = SqliteFile | PostgresServer


def parse_database_url(text: str) -> Database:
    """The database that a URL names. Raises ValueError, in words that follow the variable's name."""
    if found := _DRIVER.match(text):
        kind = found[1].removesuffix("ql")
        if found[2] not in _DRIVERS[kind]:
            raise ValueError(f"has a driver that can't be used here; begin it with {found[1]}:// alone")
        text = text.replace(found[0], found[1], 1)
    if text.startswith(_SQLITE):
        return _sqlite(text.removeprefix(_SQLITE))
    if text.startswith(("postgres://", "postgresql://")):
        return _postgres(text)
    raise ValueError("must start with postgres://, postgresql:// or sqlite:///")


def _sqlite(rest: str) -> SqliteFile:
    if "?" in rest or "#" in rest:
        raise ValueError("must end with the file's path; percent-encode a ? or # in it")
    if rest.startswith("file:"):
        raise ValueError("must name a file by its path after sqlite:///, without file:")
    path = Path(unquote(rest))
    if path.name in {"", ":memory:"} or not str(path).isprintable():
        raise ValueError("must name a file after sqlite:///")
    if unexpanded(path):
        raise ValueError("has a ~ or a $NAME in its path, which only a shell understands; write the path in full")
    return SqliteFile(path)


def _postgres(text: str) -> PostgresServer:
    if not unquote(text).isprintable():
        raise ValueError("must be made of printable characters, percent-encoded ones too")
    if "#" in text:
        raise ValueError("must have no #; percent-encode one that belongs to the password")
    if "," in text.partition("://")[2].partition("/")[0].rpartition("@")[2]:
        raise ValueError("must name one host; leave only the server that takes writes")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("must have a valid host, and a port from 1 to 65535 if any") from None
    options = _options(parts.query)
    if parts.hostname and "host" in options:
        raise ValueError("has a host before its path and one in its query; take one away")
    host = parts.hostname or options.get("host", "")
    database = unquote(parts.path.removeprefix("/"))
    if not host or port == 0:
        raise ValueError("must name the server's host, and a port from 1 to 65535 if any")
    if parts.hostname and not is_host(host):
        raise ValueError("must have a valid host; the directory of a Unix socket goes into ?host=")
    if not database or "/" in database or not parts.username:
        raise ValueError("must name a user and a database: postgresql://USER:PASSWORD@HOST/DATABASE")
    mode, root = _ssl(options, unix=host.startswith("/"))
    return PostgresServer(
        unquote(parts.username), unquote(parts.password or ""), host, port or 5432, database, mode, root
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for written, given in parse_qsl(query, keep_blank_values=True):
        name = "sslmode" if written == "ssl" else written  # SQLAlchemy's word, and asyncpg's
        value = _SSL_SPELLINGS.get(given.lower(), given) if written == "ssl" else given
        if name not in _OPTIONS:
            told = name if re.fullmatch(r"[a-z_]{1,30}", name) else "its query"
            raise ValueError(f"has an option that is not known; take away {told} (known are {', '.join(_OPTIONS)})")
        if name in options:
            raise ValueError(f"has {name} twice; take one away")
        options[name] = value
    if "," in options.get("host", ""):
        raise ValueError("must name one host; leave only the server that takes writes")
    if "host" in options and not options["host"].startswith("/"):
        raise ValueError("must have the server's name after the @; host= is for the directory of a Unix socket")
    return options


def _ssl(options: dict[str, str], *, unix: bool) -> tuple[str, Path | None]:
    """The TLS that is meant, as libpq reads it, default included; a Unix socket has none."""
    mode = options.get("sslmode", "disable" if unix else "prefer")
    if mode not in SSL_MODES:
        raise ValueError(f"must have one of {', '.join(SSL_MODES)} as its sslmode")
    if "sslrootcert" not in options:
        return mode, None
    root = Path(options["sslrootcert"])
    if there(root) != "file":
        raise ValueError("must have a file that exists as its sslrootcert; mend the path")
    # libpq: where a root certificate is given, "require" verifies it.
    return ("verify-ca" if mode == "require" else mode), root


def database_kind(text: str) -> Literal["sqlite", "postgresql"]:
    """The kind of database that DATABASE_URL names; SQLite when it is unset."""
    return "postgresql" if text and isinstance(parse_database_url(text), PostgresServer) else "sqlite"


def parse_key(text: str) -> bytes:
    """The bytes of a key written in hexadecimal or base64, 32 at least. Raises ValueError in words."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        if _HEX.fullmatch(text):  # before base64, which would take it too, for longer than it is
            key = bytes.fromhex(text)
        else:
            key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise ValueError("must be 32 random bytes or more in hexadecimal or base64; `openssl rand -hex 32` makes some")
    return key
