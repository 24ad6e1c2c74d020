"""A store that is ready to be used."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.store.call_store import CallStore
from bot.store.rows import FileKept, Row
from bot.store.sql.engine import make_file_engine
from bot.store.sql.writing import apply_rows
from bot.store.upkeep import erasing
from bot.store.urls import StoreUrl


async def opened(where: StoreUrl, announced: frozenset[str] = frozenset()) -> CallStore:
    """The store with its tables as this code wants them. Raises what the driver raises, and StoreError.

    `announced`: what of the calls that are stored enters the outbox.
    """
    store = CallStore(where, announced=announced) if where.path is None else FileStore(where, where.path, announced)
    try:
        if not await store.is_current():
            from bot.store.sql.schema import migrate  # noqa: PLC0415  alembic takes a while, and is seldom needed

            await migrate(where)
    except BaseException:
        await store.close()
        raise
    return store


class FileStore(CallStore):
    """A store in a file that notices when another file, or none, has come into its place.

    SQLite goes on writing to a file that was removed, and all of it is gone with the last connection. As long as one is
    open no other file gets the same number.

    Rows are written by a thread in one go: the driver for asyncio changes threads thirty times in a transaction, which
    costs three times what the transaction does.
    """

    def __init__(self, where: StoreUrl, path: Path, announced: frozenset[str] = frozenset()) -> None:
        super().__init__(where, announced=announced)
        self._path = path
        self._number = self._file()
        self._writer = make_file_engine(path)

    async def apply(self, rows: Sequence[Row]) -> None:
        """Raises FileNotFoundError, too, when the file is not the one that was opened."""
        if self._file() != self._number:
            raise FileNotFoundError(f"{self._path} was removed or replaced")
        if rows:
            erasing.erase_stray(await asyncio.to_thread(self._write, rows))

    def _write(self, rows: Sequence[Row]) -> list[FileKept]:
        with self._writer.begin() as connection:
            return apply_rows(connection, rows, self._now(), self._announced)

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.dispose)
        await super().close()

    def _file(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_dev, found.st_ino
