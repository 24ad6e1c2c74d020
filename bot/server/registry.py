"""What must be known about a call beyond its own task, by every worker: its token, its stream, how it ended.

One small interface: in memory for one process, in a SQLite file for the workers of one machine.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

from bot.call.outputs import EndReason
from bot.server.quota import NO_QUOTA, MemoryRings, OverQuota, Quota, SqliteRings

DAY_S = 24 * 3600
MAX_CALLS_KNOWN = 1_000_000
BUSY_S = 2.0
"""A step takes microseconds; while it waits for another process's, no call of this one is heard."""
SEEN_S = 3.0
"""A process that has not said a word for this long takes no calls."""
PROMPT_S = 1.5
"""And none of another's after this: it says one every second."""

Entry = Literal["new", "waiting", "streaming", "over", "full"] | OverQuota
"""What a webhook for a call finds: not known before, dialled and waiting for its stream, streaming, over, no room, or
none for this caller."""


class CallRegistry(Protocol):
    """Every method is one atomic step."""

    def enter(self, call_sid: str, limit: int, quota: Quota = NO_QUOTA) -> Entry:
        """A webhook names this call. `new`: it counts from now on, unless `limit` calls do already (`full`).

        Nor does it where its caller's `quota` is used up.
        """

    def issue(self, call_sid: str, nonce: bytes) -> None:
        """`nonce` is that of the call's newest token; older ones are void."""

    def claim(self, call_sid: str, nonce: bytes) -> bool:
        """A stream shows this token. True once, and only for the newest token of a call that is not over."""

    def claimed(self, call_sid: str) -> bool:
        """Whether a stream has come, in whichever process."""

    def owner(self, call_sid: str) -> int | None:
        """The process that holds the session of a call that waits for its stream, None when there is none."""

    def end(self, call_sid: str, reason: EndReason, *, asks: bool = False, own: bool = False) -> None:
        """The call is over; remembered for a day. `asks`: Twilio will ask what follows.

        `own`: unless another process carries it on meanwhile.
        """

    def forget(self, call_sid: str) -> None:
        """The call goes on in another instance."""

    def reopen(self, call_sid: str) -> None:
        """The call goes on with another stream, which the calling process waits for, as if new, limit or not."""

    def asked(self, call_sid: str) -> None:
        """Twilio has asked what follows the stream of this call."""

    def unasked(self, within_s: float) -> int:
        """For how many calls that ended in the last `within_s` Twilio has yet to ask."""

    def outcome(self, call_sid: str) -> EndReason | None:
        """How the call ended, None when it has not or is unknown."""

    def live(self) -> int:
        """How many calls are not over."""

    @property
    def shared(self) -> bool:
        """Whether other processes take part, so that a stream may have come elsewhere."""

    def announce(self, *, accepting: bool) -> None:
        """The calling process is alive, and does or does not take new calls."""

    def others_accept(self) -> bool:
        """Whether another process on this port takes new calls."""

    def offer(self, idle: int) -> None:
        """The calling process has so many idle sessions."""

    def borrow(self) -> int | None:
        """Another process that takes new calls and has an idle session, one less from now on; None: there is none."""

    def close(self) -> None:
        """Let go of files."""


class _Known:
    __slots__ = ("asked", "asks", "claimed", "nonce", "reason", "since_s")

    def __init__(self, since_s: float) -> None:
        self.nonce: bytes | None = None
        self.claimed = False
        self.asks = False
        self.asked = False
        self.reason: EndReason | None = None
        self.since_s = since_s


class MemoryRegistry:
    """A CallRegistry for one process. `clock` gives seconds of the epoch."""

    shared = False

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls: dict[str, _Known] = {}
        self._live = 0
        self.rings = MemoryRings(self._lives)

    def enter(self, call_sid: str, limit: int, quota: Quota = NO_QUOTA) -> Entry:
        self._forget()
        known = self._calls.get(call_sid)
        if known is not None:
            return _entry(known.reason, claimed=known.claimed)
        if self._live >= limit:
            return "full"
        over = self.rings.refusal(quota, self._clock())
        if over is not None:
            return over
        self._add(call_sid)
        self.rings.add(quota, call_sid, self._clock())
        return "new"

    def _lives(self, call_sid: str) -> bool:
        known = self._calls.get(call_sid)
        return known is not None and known.reason is None

    def issue(self, call_sid: str, nonce: bytes) -> None:
        self._calls[call_sid].nonce = nonce

    def claim(self, call_sid: str, nonce: bytes) -> bool:
        known = self._calls.get(call_sid) or self._add(call_sid)
        if known.claimed or known.reason is not None or known.nonce not in {None, nonce}:
            return False
        known.claimed = True
        return True

    def claimed(self, call_sid: str) -> bool:
        known = self._calls.get(call_sid)
        return known is not None and known.claimed

    def owner(self, call_sid: str) -> int | None:  # noqa: ARG002  there is but one process
        return None

    def end(
        self,
        call_sid: str,
        reason: EndReason,
        *,
        asks: bool = False,
        own: bool = False,  # noqa: ARG002  there is but one process
    ) -> None:
        known = self._calls.pop(call_sid, None)
        ended = self._calls[call_sid] = _Known(self._clock())
        ended.reason, ended.asks = reason, asks
        if known is not None:
            ended.claimed, ended.asked = known.claimed, known.asked
            self._live -= known.reason is None

    def forget(self, call_sid: str) -> None:
        known = self._calls.pop(call_sid, None)
        self._live -= known is not None and known.reason is None

    def reopen(self, call_sid: str) -> None:
        self.forget(call_sid)
        self._add(call_sid)

    def asked(self, call_sid: str) -> None:
        known = self._calls.get(call_sid)
        if known is not None:
            known.asked = True

    def unasked(self, within_s: float) -> int:
        count, after_s = 0, self._clock() - within_s
        for known in reversed(self._calls.values()):  # the latest to end stand last
            if known.reason is not None and known.since_s <= after_s:
                break
            count += known.reason is not None and known.asks and not known.asked
        return count

    def outcome(self, call_sid: str) -> EndReason | None:
        known = self._calls.get(call_sid)
        return known.reason if known is not None else None

    def live(self) -> int:
        return self._live

    def announce(self, *, accepting: bool) -> None:
        """Nobody else listens."""

    def others_accept(self) -> bool:
        return False

    def offer(self, idle: int) -> None:
        """Nobody else asks."""

    def borrow(self) -> int | None:
        return None

    def close(self) -> None:
        """Nothing is open."""

    def _add(self, call_sid: str) -> _Known:
        known = self._calls[call_sid] = _Known(self._clock())
        self._live += 1
        return known

    def _forget(self) -> None:
        """Ended calls are moved to the end as they end, so the oldest of them are at the head."""
        before = self._clock() - DAY_S
        while self._calls:
            sid, known = next(iter(self._calls.items()))
            if known.since_s >= before and len(self._calls) <= MAX_CALLS_KNOWN:
                return
            del self._calls[sid]
            self._live -= known.reason is None


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
            " (pid INTEGER PRIMARY KEY, accepting INTEGER NOT NULL, seen REAL NOT NULL,"
            " idle INTEGER NOT NULL DEFAULT 0)"
        )
        self._rings = SqliteRings(self._db)

    def enter(self, call_sid: str, limit: int, quota: Quota = NO_QUOTA) -> Entry:
        with _Step(self._db):
            row = self._db.execute("SELECT reason, claimed FROM calls WHERE sid = ?", (call_sid,)).fetchone()
            if row is not None:
                return _entry(row[0], claimed=bool(row[1]))
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

    def end(self, call_sid: str, reason: EndReason, *, asks: bool = False, own: bool = False) -> None:
        self._db.execute(
            "INSERT INTO calls (sid, owner, reason, since, asks) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (sid) DO UPDATE SET reason = excluded.reason, since = excluded.since, asks = excluded.asks"
            " WHERE NOT ? OR owner = excluded.owner",
            (call_sid, self._owner, reason, self._clock(), asks, own),
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

    def outcome(self, call_sid: str) -> EndReason | None:
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

    def offer(self, idle: int) -> None:
        with suppress(sqlite3.OperationalError):  # one that is not known of serves its own process
            self._db.execute(
                "INSERT INTO workers (pid, accepting, seen, idle) VALUES (?, 0, ?, ?)"
                " ON CONFLICT (pid) DO UPDATE SET idle = excluded.idle",
                (self._owner, self._clock(), idle),
            )

    def borrow(self) -> int | None:
        with suppress(sqlite3.OperationalError):
            row = self._db.execute(
                "UPDATE workers SET idle = idle - 1 WHERE pid = (SELECT pid FROM workers"
                " WHERE pid != ? AND accepting AND seen > ? AND idle > 0 ORDER BY idle DESC LIMIT 1) RETURNING pid",
                (self._owner, self._clock() - PROMPT_S),
            ).fetchone()
            return None if row is None else int(row[0])
        return None

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


def _entry(reason: str | None, *, claimed: bool) -> Entry:
    if reason is not None:
        return "over"
    return "streaming" if claimed else "waiting"
