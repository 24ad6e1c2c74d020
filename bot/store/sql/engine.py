"""The engine below the call store: how connections are opened, and how a transaction begins."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store.sql.driver_threads import DriverThreads, remember
from bot.store.sql.pools import LoopPool, ThreadsPool
from bot.store.urls import CONNECT_S, StoreUrl

BUSY_MS = 5_000
_POOL = 3
_WRITES = "heardline_writes"
_PRAGMAS = (
    f"busy_timeout = {BUSY_MS}",  # first: the others may have to wait
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "secure_delete = ON",  # what is forgotten is overwritten, not only unlinked
)


def make_engine(where: StoreUrl, *, command_s: float | None = None) -> AsyncEngine:
    """An engine for `where`, which opens nothing yet but makes SQLite's file. Every wait of it is bounded.

    `command_s` is how long one statement may take in Postgres, where it is not the usual. Raises OSError when SQLite's
    file can't be made or read.
    """
    args = dict(where.connect_args)
    threads = DriverThreads()
    if where.path is not None:
        make_private(where.path)
        args["async_creator_fn"] = threads.connect
    elif command_s is not None:
        args["command_timeout"] = command_s
    engine = create_async_engine(
        where.url,
        connect_args=args,
        poolclass=LoopPool,
        pool_size=_POOL,
        pool_pre_ping=where.dialect == "postgresql",
        **_ALIKE,
    )
    if where.path is not None:
        remember(engine, threads)
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine


def make_file_engine(path: Path) -> Engine:
    """An engine for a thread that writes to SQLite's file and may wait for it. Opens nothing yet."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=ThreadsPool, pool_size=1, **_ALIKE)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine.execution_options(**{_WRITES: True})


def for_writing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for transactions that write.

    SQLite locks them as they begin: one that has read first, and finds that another has written meanwhile, would fail.
    """
    return engine.execution_options(**{_WRITES: True})


def make_private(path: Path) -> None:
    """An empty file at `path` that only its owner can read, unless there is one. SQLite gives its log the same mode.

    Raises OSError when there is none and it can't be made, or what is there can't be read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    # The driver's thread outlives an event loop in which it could not open its file, and prints a traceback. Not opened
    # here to see: to close it again would take away the locks that this process holds on it.
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


_ALIKE: dict[str, Any] = {
    "json_serializer": _to_json,
    "json_deserializer": msgspec.json.decode,
    "hide_parameters": True,  # else an error would repeat what was said on the phone
    "max_overflow": 0,
    "pool_timeout": 2 * CONNECT_S,
}
"""Options of every engine."""


def _prepare(connection: Any, _record: object) -> None:
    """A new connection of SQLite. The driver shall not begin transactions by itself: `_begin` does."""
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
