"""The calls that are over, for a day, in some thirty bytes each: a hash and how the call ended, by the hour.

A hash has sixty-four bits: one call in 10^13 of a million a day would be taken for another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice

from bot.server.shared.outcomes import OUTCOMES, Outcome

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
_HOURS = 26
"""A day, the hour that has begun, and the one in which a call may be forgotten."""
FILL_ROWS = 1_000
"""Rows written at a time: other processes wait for that, a few milliseconds."""


class EndedCalls:
    """Each with how it ended, in the database of a CallRegistry. It is forgotten within the hour after a day."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute(
            "CREATE TABLE IF NOT EXISTS over"
            " (hour INTEGER, id INTEGER, outcome INTEGER, PRIMARY KEY (hour, id)) WITHOUT ROWID"
        )

    def add(self, call_sid: str, outcome: Outcome, ended_s: float) -> None:
        self.drop(call_sid)
        self.fill([(call_sid, outcome, ended_s)])

    def fill(self, ends: Iterable[tuple[str, Outcome | None, float]]) -> None:
        """These calls were over before. Without an outcome only the call store knows what follows."""
        rows = (
            (ended_s // HOUR_S, _id(call_sid), None if outcome is None else OUTCOMES.index(outcome))
            for call_sid, outcome, ended_s in ends
        )
        while some := list(islice(rows, FILL_ROWS)):
            self._db.execute("SAVEPOINT fill")
            self._db.executemany("INSERT OR IGNORE INTO over VALUES (?, ?, ?)", some)
            self._db.execute("RELEASE fill")

    def find(self, call_sid: str) -> tuple[Outcome | None] | None:
        """End of the call; None when it is not known to be over."""
        found = self._found(call_sid)
        return (None if found[0][1] is None else OUTCOMES[found[0][1]],) if found else None

    def drop(self, call_sid: str) -> None:
        """The call goes on, or is none."""
        for hour, _ in self._found(call_sid):
            self._db.execute("DELETE FROM over WHERE hour = ? AND id = ?", (hour, _id(call_sid)))

    def tidy(self, now_s: float) -> None:
        """Forget those of yesterday."""
        self._db.execute("DELETE FROM over WHERE hour < ?", ((now_s - DAY_S) // HOUR_S,))

    def _found(self, call_sid: str) -> list[tuple[int, int | None]]:
        """A look into each hour: an index over all of them would take as much room again."""
        (last,) = self._db.execute("SELECT max(hour) FROM over").fetchone()
        if last is None:
            return []
        query = f"SELECT hour, outcome FROM over WHERE hour IN ({_MARKS}) AND id = ?"  # noqa: S608  marks are marks
        return self._db.execute(query, (*range(last - _HOURS, last), last, _id(call_sid))).fetchall()


_MARKS = ", ".join("?" * (_HOURS + 1))


def _id(call_sid: str) -> int:
    return int.from_bytes(blake2b(call_sid.encode(), digest_size=8).digest(), "big", signed=True)
