"""Digits that Twilio is to play for a call that has left its stream for it, known to whichever process it asks."""

from __future__ import annotations

import sqlite3

_TABLE = "CREATE TABLE IF NOT EXISTS digits (sid TEXT PRIMARY KEY, digits TEXT NOT NULL) WITHOUT ROWID"


class DigitsToPlay:
    """In the registry's database; each step is atomic."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute(_TABLE)

    def put(self, call_sid: str, digits: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO digits (sid, digits) VALUES (?, ?)", (call_sid, digits))

    def find(self, call_sid: str) -> str:
        """The digits; empty while the call has a stream, or once it is over."""
        row = self._db.execute("SELECT digits FROM digits WHERE sid = ?", (call_sid,)).fetchone()
        return "" if row is None else str(row[0])

    def drop(self, call_sid: str) -> None:
        """They have been played, or never will be."""
        self._db.execute("DELETE FROM digits WHERE sid = ?", (call_sid,))
