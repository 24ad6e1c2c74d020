"""A store that does as it is told: answers, waits, fails. Used from the keeper's thread and from the test's."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.exc import DataError, OperationalError

from bot.store.delivery.backlog import Backlog
from bot.store.delivery.write_behind import WriteBehind
from bot.store.rows import CallEnded, EventKept, OwnerSeen, Row
from tests.store.row_samples import NOW
from tests.waiting import GIVE_UP_S

AWAY = OperationalError("INSERT", None, sqlite3.OperationalError("database or disk is full"))
REFUSED = DataError("INSERT", None, sqlite3.DataError("string or blob too big"))
ALIVE = OwnerSeen("web-1", "web", NOW)


class FaultyStore:
    """`rows` are what it has taken, in order, without signs of life. `fault` is raised while it is set."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.batches: list[int] = []
        self.fault: Exception | None = None
        self.opening_fault: Exception | None = None
        self.poison: set[Row | str] = set()
        """Names of events it will not have."""
        self.opened = self.closed = self.beats = self.attempts = 0
        self.hold = threading.Event()
        """Event for which every write waits."""
        self.hold.set()
        self._changed = threading.Condition()

    async def open(self) -> FaultyStore:
        self.opened += 1
        if self.opening_fault is not None:
            raise self.opening_fault
        return self

    async def apply(self, rows: Sequence[Row]) -> None:
        await asyncio.to_thread(self.hold.wait)
        with self._changed:
            self.attempts += 1
            self._changed.notify_all()
        if self.fault is not None:
            raise self.fault
        if any(isinstance(row, EventKept) and row.name in self.poison for row in rows):
            raise REFUSED
        with self._changed:
            told = [row for row in rows if not isinstance(row, OwnerSeen)]
            self.beats += len(rows) - len(told)
            self.rows += told
            if told:
                self.batches.append(len(told))
            self._changed.notify_all()

    async def close(self) -> None:
        self.closed += 1

    async def reaches(self, holds: Any, within_s: float = GIVE_UP_S) -> None:
        """Wait until `holds()`, looked at with each write and attempt."""

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(holds, within_s)

        assert await asyncio.to_thread(wait), "did not come about"

    def kept(self, kind: type) -> list[Any]:
        return [row for row in self.rows if isinstance(row, kind)]

    @property
    def ends(self) -> list[CallEnded]:
        return self.kept(CallEnded)


@asynccontextmanager
async def keeping(
    store: FaultyStore, backlog: Backlog | None = None, **knobs: Any
) -> AsyncIterator[WriteBehind[FaultyStore]]:
    """A keeper of `store` that tries again at once, and is stopped at the end."""
    keeper = WriteBehind(store.open, lambda: ALIVE, backlog, **{"retry_s": (0.002,), "beat_s": 60.0, **knobs})
    keeper.start()
    try:
        yield keeper
    finally:
        store.hold.set()
        await keeper.stop(0.2)
