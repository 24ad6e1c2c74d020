"""A store that is ready to be used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.store.call_store import CallStore
from bot.store.rows import Row
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
    """

    def __init__(self, where: StoreUrl, path: Path, announced: frozenset[str] = frozenset()) -> None:
        super().__init__(where, announced=announced)
        self._path = path
        self._number = self._file()

    async def apply(self, rows: Sequence[Row]) -> None:
        """Raises FileNotFoundError, too, when the file is not the one that was opened."""
        if self._file() != self._number:
            raise FileNotFoundError(f"{self._path} was removed or replaced")
        await super().apply(rows)

    def _file(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_dev, found.st_ino
