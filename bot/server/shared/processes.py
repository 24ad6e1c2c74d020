"""Processes of one instance: which of them are there and take calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress

from bot.store.upkeep.owners import is_dead

NOBODYS = 0
"""Owner of a call whose process has died."""
SEEN_S = 3.0
"""Seconds without a word after which a process takes no calls."""


class Processes:
    """The processes in the database of a CallRegistry. `me` is the one that asks; all of them read one clock."""

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
        seen = self._db.execute("SELECT seen FROM workers WHERE pid != ? AND accepting", (self._me,)).fetchall()
        now_s = self._clock()
        return not all(is_dead(silent_s=now_s - seen_s, longest_s=SEEN_S) for (seen_s,) in seen)

    def abandon(self, owner: int) -> int:
        """The manager saw `owner` die: its calls are over, and nobody's, until carried on. Gives their number."""
        self._db.execute("DELETE FROM workers WHERE pid = ?", (owner,))
        lost = "UPDATE calls SET reason = 'line_lost', since = ?, owner = ? WHERE owner = ? AND reason IS NULL"
        return self._db.execute(lost, (self._clock(), NOBODYS, owner)).rowcount
