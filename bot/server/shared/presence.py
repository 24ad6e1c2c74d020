"""Processes of one instance: which of them are there and take calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress

SEEN_S = 3.0
"""A process that has not said a word for this long takes no calls."""


class Presence:
    """The processes in the database of a CallRegistry. `me` is the one that asks."""

    def __init__(self, db: sqlite3.Connection, me: int, clock: Callable[[], float]) -> None:
        self._db = db
        self._me = me
        self._clock = clock
        db.execute(
            "CREATE TABLE IF NOT EXISTS workers"
            " (pid INTEGER PRIMARY KEY, accepting INTEGER NOT NULL, seen REAL NOT NULL)"
        )

    def announce(self, *, accepting: bool) -> None:
        """The calling process is alive, and does or does not take new calls."""
        with suppress(sqlite3.OperationalError):  # what can't be written now is said again soon, and ends no call
            self._db.execute("REPLACE INTO workers VALUES (?, ?, ?)", (self._me, accepting, self._clock()))

    def others_accept(self) -> bool:
        """Whether another process on this port takes new calls."""
        query = "SELECT 1 FROM workers WHERE pid != ? AND accepting AND seen > ?"
        return self._db.execute(query, (self._me, self._clock() - SEEN_S)).fetchone() is not None

    def abandon(self, owner: int) -> int:
        """The process `owner` is dead: its calls are over, until they are carried on. How many there were."""
        self._db.execute("DELETE FROM workers WHERE pid = ?", (owner,))
        lost = "UPDATE calls SET reason = 'line_lost', since = ? WHERE owner = ? AND reason IS NULL"
        return self._db.execute(lost, (self._clock(), owner)).rowcount
