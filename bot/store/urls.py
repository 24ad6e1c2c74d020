"""Address of the call store: DATABASE_URL as SQLAlchemy and the drivers want it."""

from __future__ import annotations

import importlib.util
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL

from bot.config import Settings
from bot.config.values.database_url import PostgresServer, SqliteFile, parse_database_url

DEFAULT_FILE = "calls.sqlite"
CONNECT_S = 5.0
COMMAND_S = 15.0


class StoreError(Exception):
    """The store cannot be used. Its text is a sentence for a person, without any password."""


@dataclass(frozen=True)
class StoreUrl:
    """Arguments of an engine. Shown, and logged, without the password.

    `path` is the SQLite file and None with Postgres. `record_dir` is where this machine's recordings lie.
    """

    url: URL
    dialect: Literal["sqlite", "postgresql"]
    record_dir: Path
    path: Path | None = None
    connect_args: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """The address for people, without the password."""
        if self.path is not None:
            return f"sqlite:///{self.path}"
        args = self.connect_args
        return f"postgresql://{self.url.username}@{args['host']}:{args['port']}/{self.url.database}"


def store_url(settings: Settings) -> StoreUrl:
    """The store that `settings` name: DATABASE_URL, else a SQLite file in BOT_RECORD_DIR. Raises StoreError."""
    return url_of(settings.database_url.get_secret_value(), settings.record_dir)


def url_of(text: str, record_dir: Path) -> StoreUrl:
    """The same for the text of DATABASE_URL, empty for the default. Raises StoreError."""
    if not text:
        return sqlite_url(record_dir / DEFAULT_FILE, record_dir)
    try:
        database = parse_database_url(text)
    except ValueError as error:
        raise StoreError(f"DATABASE_URL {error}.") from None
    if isinstance(database, SqliteFile):
        return sqlite_url(database.path, record_dir)
    return _postgres(database, record_dir)


def sqlite_url(path: Path, record_dir: Path) -> StoreUrl:
    """A SQLite file, which need not be there yet."""
    url = URL.create("sqlite+aiosqlite", database=str(path.absolute()))
    return StoreUrl(url, "sqlite", record_dir, path.absolute())


def _postgres(server: PostgresServer, record_dir: Path) -> StoreUrl:
    if importlib.util.find_spec("asyncpg") is None:
        raise StoreError(
            "DATABASE_URL is Postgres, and its driver is not installed; install it with "
            "pip install '.[postgres]' where its source is."
        )
    # The host goes beside the URL, where the directory of a Unix socket may stand too.
    url = URL.create("postgresql+asyncpg", server.user, server.password or None, database=server.database)
    args: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "ssl": _ssl(server.ssl_mode, server.ssl_root),
        "timeout": CONNECT_S,
        "command_timeout": COMMAND_S,
        "server_settings": {"application_name": "heardline", "timezone": "UTC"},
    }
    return StoreUrl(url, "postgresql", record_dir, connect_args=args)


def _ssl(mode: str, root: Path | None) -> ssl.SSLContext | str | bool:
    """The `ssl` of asyncpg for libpq's `mode`. Without a root certificate, the system's are trusted."""
    if mode == "disable":
        return False
    if mode == "prefer":
        return mode
    try:
        context = ssl.create_default_context(cafile=root)
    except ssl.SSLError:
        raise StoreError("DATABASE_URL must have a file of PEM certificates as its sslrootcert.") from None
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context
