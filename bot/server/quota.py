"""How often one caller may ring: calls at once and in a minute, by a hash of his number.

Only calls that were let in count. Whoever has no hash, such as a caller who withholds his number, is many callers and
has no quota of his own: BOT_DENY_CALLERS can turn them all away.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Callable
from typing import Literal, NamedTuple

from bot.config import Settings
from bot.records.store.pii import caller_hash

MINUTE_S = 60.0
DAY_S = 24 * 3600.0
_KEY_LABEL = b"heardline caller quota v1"

OverQuota = Literal["caller_at_once", "caller_rate"]


class Quota(NamedTuple):
    """`caller` is a hash, empty for one who can't be told from others. A limit of 0 is none."""

    caller: str = ""
    at_once: int = 0
    per_minute: int = 0

    @property
    def limited(self) -> bool:
        """Whether there is anything to count."""
        return bool(self.caller and (self.at_once or self.per_minute))

    def refusal(self, at_once: int, within_minute: int) -> OverQuota | None:
        """Why one more call is too many, beside so many; None when it is not."""
        if self.at_once and at_once >= self.at_once:
            return "caller_at_once"
        return "caller_rate" if self.per_minute and within_minute >= self.per_minute else None


NO_QUOTA = Quota()


HashNumber = Callable[[str], str]


def storeless_hash(settings: Settings) -> HashNumber:
    """How numbers are hashed where no call store has a key for it: under one that all processes of an instance have."""

    def hash_number(number: str) -> str:
        return caller_hash(number, hmac.digest(settings.auth_tokens[0].encode(), _KEY_LABEL, hashlib.sha256))

    return hash_number


def quota_of(settings: Settings, number: str, hash_number: HashNumber) -> Quota:
    """The quota of who rings from `number`."""
    if not (settings.calls_per_number or settings.calls_per_minute):
        return NO_QUOTA
    return Quota(hash_number(number), settings.calls_per_number, settings.calls_per_minute)


class MemoryRings:
    """Who has rung within a minute or has a call, for one process.

    `lives` tells whether a call goes on, `may` whether it does or may yet be carried on.
    """

    def __init__(self, lives: Callable[[str], bool], may: Callable[[str], bool]) -> None:
        self._lives = lives
        self._may_live = may
        self._rings: dict[str, dict[str, float]] = {}
        """When each call began, by caller."""

    @property
    def callers(self) -> int:
        """How many are remembered."""
        return len(self._rings)

    def refusal(self, quota: Quota, now_s: float) -> OverQuota | None:
        """Why one more call of this caller is too many; None when it is not."""
        if not quota.limited:
            return None
        self._tidy(quota.caller, now_s)
        mine = self._rings.get(quota.caller, {})
        at_once = sum(map(self._lives, mine))
        return quota.refusal(at_once, sum(began_s > now_s - MINUTE_S for began_s in mine.values()))

    def add(self, quota: Quota, call_sid: str, now_s: float) -> None:
        """The call was let in."""
        if quota.limited:
            self._rings.setdefault(quota.caller, {})[call_sid] = now_s
            while not self._tidy(next(iter(self._rings)), now_s):
                pass  # the next one was looked at longest ago

    def _tidy(self, caller: str, now_s: float) -> bool:
        """Forget what counts no more. Whether the caller is still remembered: they go behind all others then."""
        kept = {
            sid: began_s
            for sid, began_s in self._rings.pop(caller, {}).items()
            if began_s > now_s - MINUTE_S or self._may_live(sid)
        }
        if kept:
            self._rings[caller] = kept
        return bool(kept)


class SqliteRings:
    """Who has rung, in the file of a SqliteRegistry and inside its transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute(
            "CREATE TABLE IF NOT EXISTS rings (sid TEXT PRIMARY KEY, caller TEXT NOT NULL, began REAL NOT NULL)"
            " WITHOUT ROWID"
        )
        db.execute("CREATE INDEX IF NOT EXISTS ringing ON rings (caller, began)")

    def refusal(self, quota: Quota, now_s: float) -> OverQuota | None:
        """Why one more call of this caller is too many; None when it is not."""
        if not quota.limited:
            return None
        at_once = self._count("rings JOIN calls USING (sid) WHERE caller = ? AND reason IS NULL", quota.caller)
        return quota.refusal(
            at_once, self._count("rings WHERE caller = ? AND began > ?", quota.caller, now_s - MINUTE_S)
        )

    def add(self, quota: Quota, call_sid: str, now_s: float) -> None:
        """The call was let in."""
        if quota.limited:
            self._db.execute("DELETE FROM rings WHERE began < ?", (now_s - DAY_S,))
            self._db.execute("REPLACE INTO rings VALUES (?, ?, ?)", (call_sid, quota.caller, now_s))

    def _count(self, what: str, *values: object) -> int:
        found = self._db.execute(f"SELECT count(*) FROM {what}", values).fetchone()  # noqa: S608  `what` is a literal of ours
        return int(found[0])
