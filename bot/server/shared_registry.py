"""The CallRegistry of several processes on one machine: a SQLite file in the directory that they share."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot.server.over import DAY_S, Outcome
from bot.server.quota import NO_QUOTA, Quota, SqliteRings
from bot.server.registry import Entry, entry_of

BUSY_S = 2.0
"""A step takes microseconds; while it waits for another process's, no call of this one is heard."""
SEEN_S = 3.0
"""A process that has not said a word for this long takes no calls."""


class SqliteRegistry:
    """A CallRegistry in a file shared by the workers of one machine. A step takes some tens of microseconds.

    Nothing in it outlives the machine's run, so it is not synced to the disk. `owner` is the process whose calls are
    forgotten when it dies (`abandon`).
    """

    shared = True

    def __init__(self, path: Path, clock: Callable[[], float], owner: int | None = None) -> None:
        self._clock = clock
        self._owner = os.getpid() if owner is None else owner
        self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS calls (sid TEXT PRIMARY KEY, nonce BLOB, claimed INTEGER NOT NULL DEFAULT 0,"
            " owner INTEGER NOT NULL, reason TEXT, since REAL NOT NULL, asks INTEGER NOT NULL DEFAULT 0,"
            " asked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
        )
        self._db.execute("CREATE INDEX IF NOT EXISTS live ON calls (owner) WHERE reason IS NULL")
        self._db.execute("CREATE INDEX IF NOT EXISTS age ON calls (since)")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS workers"
            " (pid INTEGER PRIMARY KEY, accepting INTEGER NOT NULL, seen REAL NOT NULL)"
        )
        self._rings = SqliteRings(self._db)

    def enter(self, call_sid: str, limit: int, quota: Quota = NO_QUOTA) -> Entry:
        with _Step(self._db):
            row = self._db.execute("SELECT reason, claimed FROM calls WHERE sid = ?", (call_sid,)).fetchone()
            if row is not None:
                return entry_of(row[0], claimed=bool(row[1]))
            if self.live() >= limit:
                return "full"
            over = self._rings.refusal(quota, self._clock())
            if over is not None:
                return over
            self._forget()
            self._add(call_sid)
            self._rings.add(quota, call_sid, self._clock())
            return "new"

    def issue(self, call_sid: str, nonce: bytes) -> None:
        self._db.execute("UPDATE calls SET nonce = ? WHERE sid = ?", (nonce, call_sid))

    def claim(self, call_sid: str, nonce: bytes) -> bool:
        with _Step(self._db):
            row = self._db.execute("SELECT nonce, claimed, reason FROM calls WHERE sid = ?", (call_sid,)).fetchone()
            if row is None:
                self._add(call_sid)
            elif row[1] or row[2] is not None or row[0] not in {None, nonce}:
                return False
            self._db.execute("UPDATE calls SET claimed = 1, owner = ? WHERE sid = ?", (self._owner, call_sid))
            return True

    def claimed(self, call_sid: str) -> bool:
        row = self._db.execute("SELECT claimed FROM calls WHERE sid = ?", (call_sid,)).fetchone()
        return row is not None and bool(row[0])

    def owner(self, call_sid: str) -> int | None:
        row = self._db.execute(
            "SELECT owner FROM calls WHERE sid = ? AND NOT claimed AND reason IS NULL", (call_sid,)
        ).fetchone()
        return None if row is None else int(row[0])

    def end(self, call_sid: str, outcome: Outcome, *, asks: bool = False, own: bool = False) -> None:
        self._db.execute(
            "INSERT INTO calls (sid, owner, reason, since, asks) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (sid) DO UPDATE SET reason = excluded.reason, since = excluded.since, asks = excluded.asks"
            " WHERE NOT ? OR owner = excluded.owner",
            (call_sid, self._owner, outcome, self._clock(), asks, own),
        )

    def forget(self, call_sid: str) -> None:
        self._db.execute("DELETE FROM calls WHERE sid = ? AND owner = ? AND NOT claimed", (call_sid, self._owner))

    def reopen(self, call_sid: str) -> None:
        self._db.execute(
            "INSERT INTO calls (sid, owner, since) VALUES (?, ?, ?) ON CONFLICT (sid) DO UPDATE SET"
            " owner = excluded.owner, since = excluded.since, nonce = NULL, claimed = 0, reason = NULL,"
            " asks = 0, asked = 0",
            (call_sid, self._owner, self._clock()),
        )

    def asked(self, call_sid: str) -> None:
        with suppress(sqlite3.OperationalError):  # or what follows would not be told for a note about it
            self._db.execute("UPDATE calls SET asked = 1 WHERE sid = ?", (call_sid,))

    def unasked(self, within_s: float) -> int:
        found = self._db.execute(
            "SELECT count(*) FROM calls WHERE since > ? AND reason IS NOT NULL AND asks AND NOT asked",
            (self._clock() - within_s,),
        ).fetchone()
        return int(found[0])

    def outcome(self, call_sid: str) -> Outcome | None:
        row = self._db.execute("SELECT reason FROM calls WHERE sid = ?", (call_sid,)).fetchone()
        return None if row is None else row[0]

    def live(self) -> int:
        found = self._db.execute("SELECT count(*) FROM calls WHERE reason IS NULL").fetchone()
        return int(found[0])

    def announce(self, *, accepting: bool) -> None:
        with suppress(sqlite3.OperationalError):  # what can't be written now is said again soon, and ends no call
            self._db.execute(
                "INSERT INTO workers (pid, accepting, seen) VALUES (?, ?, ?)"
                " ON CONFLICT (pid) DO UPDATE SET accepting = excluded.accepting, seen = excluded.seen",
                (self._owner, accepting, self._clock()),
            )

    def others_accept(self) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM workers WHERE pid != ? AND accepting AND seen > ?", (self._owner, self._clock() - SEEN_S)
        ).fetchone()
        return row is not None

    def abandon(self, owner: int) -> int:
        """The process `owner` is dead: its calls are over, until they are carried on. How many there were."""
        self._db.execute("DELETE FROM workers WHERE pid = ?", (owner,))
        cursor = self._db.execute(
            "UPDATE calls SET reason = 'line_lost', since = ? WHERE owner = ? AND reason IS NULL",
            (self._clock(), owner),
        )
        return cursor.rowcount

    def close(self) -> None:
        self._db.close()

    def _add(self, call_sid: str) -> None:
        self._db.execute(
            "INSERT INTO calls (sid, owner, since) VALUES (?, ?, ?)", (call_sid, self._owner, self._clock())
        )

    def _forget(self) -> None:
        self._db.execute("DELETE FROM calls WHERE since < ?", (self._clock() - DAY_S,))


class _Step:
    """One transaction that takes the write lock at its start."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
