"""Knowledge about a call that every process needs: its token, its stream, its end.

One SQLite database: in memory for one process, in the directory that the workers of a machine share for several.
Nothing in it outlives the machine's run, so it is not synced to the disk. Every method is one atomic step, on the event
loop: with four processes and 100 calls a second a claim takes 0.06 ms there, 0.15 ms at the 99th percentile
(`python -m tests.benchmarks claims`). Among instances a token is claimed in their store besides
(bot.server.shared.store_lookup).
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bot.server.shared.caller_quota import MINUTE_S, NO_QUOTA, CallerQuota, OverQuota
from bot.server.shared.digits_to_play import DigitsToPlay
from bot.server.shared.ended_calls import DAY_S, EndedCalls
from bot.server.shared.outcomes import Outcome
from bot.server.shared.processes import NOBODYS, Processes
from bot.server.shared.transfers import TransferTable

RECENT_S = 60.0
"""Seconds after its end for which more is asked of a call than how it ended."""
BUSY_S = 2.0
"""Seconds that a step may wait for another process's: meanwhile no call of this one is heard."""
_CALLS = """
    CREATE TABLE IF NOT EXISTS calls (sid TEXT PRIMARY KEY, owner INTEGER NOT NULL, since REAL NOT NULL, nonce BLOB,
        claimed INTEGER NOT NULL DEFAULT 0, reason TEXT, asks INTEGER NOT NULL DEFAULT 0,
        asked INTEGER NOT NULL DEFAULT 0, caller TEXT, began REAL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS live ON calls (owner) WHERE reason IS NULL;
    CREATE INDEX IF NOT EXISTS ended ON calls (since) WHERE reason IS NOT NULL;
    CREATE INDEX IF NOT EXISTS ringing ON calls (caller) WHERE caller IS NOT NULL;"""
"""`began` and the hash of a `caller` stand where that caller has a quota."""

Entry = Literal["new", "waiting", "streaming", "over", "full"] | OverQuota
"""State of the call that a webhook names: not known before, dialled and waiting for its stream, streaming, over; or no
room, for any call or for this caller's."""


class Known(NamedTuple):
    """A call as all processes know it; none of it is set for one that nobody knows."""

    outcome: Outcome | None = None
    claimed: bool = False
    """True once a stream has come, in any process."""
    owner: int | None = None
    """The process that holds the session of a call that waits for its stream."""


class Counts(NamedTuple):
    """Calls that are not over, and of those that ended a while ago how many wait for a word of Twilio's."""

    live: int
    unasked: int
    """Calls of which Twilio has yet to ask what follows."""
    stopped: int
    """Calls whose stream was stopped: Twilio may ask, or say that the caller is gone."""


class CallRegistry:
    """The calls of all processes that share the file at `path`, or of this one. `clock` gives seconds of the epoch.

    `owner` is this process, whose calls are over when it dies (`Processes.abandon`).
    """

    def __init__(self, clock: Callable[[], float], path: Path | None = None, owner: int | None = None) -> None:
        self.shared = path is not None
        """True if other processes take part, so that a stream may have come elsewhere."""
        self._clock = clock
        self._owner = os.getpid() if owner is None else owner
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=BUSY_S, check_same_thread=False)
        self.close = self._db.close
        weakref.finalize(self, self.close)  # also of one whose file turns out to be no database
        for pragma in ("journal_mode=WAL", "synchronous=OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_CALLS)
        self.over = EndedCalls(self._db)
        self.digits = DigitsToPlay(self._db)
        self.processes = Processes(self._db, self._owner, clock)
        self.transfers = TransferTable(self._db, clock)

    def enter(self, call_sid: str, limit: int, quota: CallerQuota = NO_QUOTA) -> Entry:
        """A webhook names this call. `new`: it counts from now on, unless `limit` calls do already (`full`).

        Nor does it where its caller's `quota` is used up.
        """
        with self._step():
            self._tidy()
            row = self._row(call_sid)
            if row is not None:
                return "over" if row[0] is not None else "streaming" if row[1] else "waiting"
            if self.over.find(call_sid) is not None:
                return "over"
            if self.counts().live >= limit:
                return "full"
            now_s = self._clock()
            caller, began_s = (quota.caller, now_s) if quota.limited else (None, None)
            if caller and (refused := quota.refusal(*self._rings(caller, now_s))) is not None:
                return refused
            add = "INSERT INTO calls (sid, owner, since, caller, began) VALUES (?, ?, ?, ?, ?)"
            self._db.execute(add, (call_sid, self._owner, now_s, caller, began_s))
            return "new"

    def issue(self, call_sid: str, nonce: bytes) -> None:
        """`nonce` is that of the call's newest token; older ones are void."""
        self._db.execute("UPDATE calls SET nonce = ? WHERE sid = ?", (nonce, call_sid))

    def claim(self, call_sid: str, nonce: bytes) -> bool:
        """A stream shows this token. True once, and only for the newest token of a call that is not over.

        One that waited for its stream when its process died is not, until Twilio was told what follows.
        """
        with self._step():
            row = self._row(call_sid)
            if row and (row[1] or row[3] not in {None, nonce}):
                return False
            orphaned = row == ("line_lost", 0, NOBODYS, nonce, 0)
            if self.known(call_sid).outcome is not None and not orphaned:
                return False
            self._db.execute(
                "INSERT INTO calls (sid, owner, since, claimed) VALUES (?, ?, ?, 1)"
                " ON CONFLICT (sid) DO UPDATE SET claimed = 1, owner = excluded.owner, reason = NULL, asks = 0",
                (call_sid, self._owner, self._clock()),
            )
            return True

    def end(self, call_sid: str, outcome: Outcome | None, *, asks: bool = False, own: bool = False) -> None:
        """The call is over; remembered for a day. `asks`: Twilio will ask what follows.

        `own`: unless another process carries it on meanwhile. Without an `outcome` it waits for no stream here any
        more: it goes on in another instance, or is none.
        """
        if outcome is None:
            self.over.drop(call_sid)
            self._db.execute("DELETE FROM calls WHERE sid = ? AND owner = ? AND NOT claimed", (call_sid, self._owner))
            return
        self._db.execute(
            "INSERT INTO calls (sid, owner, reason, since, asks) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (sid) DO UPDATE SET reason = excluded.reason, since = excluded.since, asks = excluded.asks"
            " WHERE NOT ? OR owner = excluded.owner",
            (call_sid, self._owner, outcome, self._clock(), asks, own),
        )

    def reopen(self, call_sid: str) -> None:
        """The call goes on with another stream, which the calling process waits for, as if new, limit or not."""
        self.digits.drop(call_sid)
        self._db.execute(
            "INSERT INTO calls (sid, owner, since) VALUES (?, ?, ?) ON CONFLICT (sid) DO UPDATE SET"
            " owner = excluded.owner, since = excluded.since, nonce = NULL, claimed = 0, reason = NULL,"
            " asks = 0, asked = 0",
            (call_sid, self._owner, self._clock()),
        )

    def leave(self, call_sid: str, digits: str) -> None:
        """The call has left its stream for `digits` to be played, and waits here for the next one."""
        self.reopen(call_sid)
        self.digits.put(call_sid, digits)

    def asked(self, call_sid: str) -> None:
        with suppress(sqlite3.OperationalError):  # or what follows would not be told for a note about it
            self._db.execute("UPDATE calls SET asked = 1 WHERE sid = ?", (call_sid,))

    def known(self, call_sid: str) -> Known:
        row = self._row(call_sid)
        if row is None:
            return Known(*(self.over.find(call_sid) or ()))
        reason, claimed, owner, *_ = row
        return Known(reason, bool(claimed), None if claimed or reason is not None else owner)

    def owner(self, call_sid: str) -> int | None:
        """The process that has the call, streaming or not, while it goes on."""
        query = "SELECT owner FROM calls WHERE sid = ? AND reason IS NULL"
        row = self._db.execute(query, (call_sid,)).fetchone()
        return None if row is None else int(row[0])

    def counts(self, within_s: float = 0.0) -> Counts:
        """Count the calls; of those that have ended only the ones of the last `within_s`."""
        row = self._db.execute(
            "SELECT (SELECT count(*) FROM calls WHERE reason IS NULL), count(nullif(asks AND NOT asked, 0)),"
            " count(nullif(reason = 'stopped' AND NOT asked, 0)) FROM calls WHERE reason IS NOT NULL AND since > ?",
            (self._clock() - within_s,),
        ).fetchone()
        return Counts(*row)

    @contextmanager
    def _step(self) -> Iterator[None]:
        """One transaction that takes the write lock at its start."""
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            yield

    def _row(self, call_sid: str) -> Any:
        query = "SELECT reason, claimed, owner, nonce, asked FROM calls WHERE sid = ?"
        return self._db.execute(query, (call_sid,)).fetchone()

    def _rings(self, caller: str, now_s: float) -> tuple[int, int]:
        """Calls of this caller that are not over, and those that have begun within a minute."""
        query = "SELECT count(nullif(reason IS NULL, 0)), count(nullif(began > ?, 0)) FROM calls WHERE caller = ?"
        at_once, within_minute = self._db.execute(query, (now_s - MINUTE_S, caller)).fetchone()
        return at_once, within_minute

    def _tidy(self) -> None:
        """Forget all of a call that ended a while ago but how, and that after a day."""
        now_s = self._clock()
        recent_s = (now_s - RECENT_S,)
        query = "SELECT sid, reason, since FROM calls WHERE reason IS NOT NULL AND since <= ?"
        old = self._db.execute(query, recent_s).fetchall()
        if not old:
            return
        for call_sid, reason, ended_s in old:
            if ended_s >= now_s - DAY_S:
                self.over.add(call_sid, reason, ended_s)
        self._db.execute("DELETE FROM calls WHERE reason IS NOT NULL AND since <= ?", recent_s)
        self.over.tidy(now_s)
