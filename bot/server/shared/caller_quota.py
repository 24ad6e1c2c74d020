"""Quota of one caller: calls at once and in a minute, by a hash of their number.

Only calls that were let in count. A caller without a hash, such as one who withholds their number, is many callers and
has no quota of their own: BOT_DENY_CALLERS can turn them all away.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Literal, NamedTuple

from bot.config import Settings
from bot.store.pii import caller_hash

MINUTE_S = 60.0
_KEY_LABEL = b"heardline caller quota v1"

OverQuota = Literal["caller_at_once", "caller_rate"]


class CallerQuota(NamedTuple):
    """`caller` is a hash, empty for one who can't be told from others. A limit of 0 is none."""

    caller: str = ""
    at_once: int = 0
    per_minute: int = 0

    @property
    def limited(self) -> bool:
        return bool(self.caller and (self.at_once or self.per_minute))

    def refusal(self, at_once: int, within_minute: int) -> OverQuota | None:
        """Reason to refuse one more call beside so many; None if there is none."""
        if self.at_once and at_once >= self.at_once:
            return "caller_at_once"
        return "caller_rate" if self.per_minute and within_minute >= self.per_minute else None


NO_QUOTA = CallerQuota()


HashNumber = Callable[[str], str]


def storeless_hash(settings: Settings) -> HashNumber:
    """Hash for numbers where no call store has a key for it: under one that all processes of an instance have."""

    def hash_number(number: str) -> str:
        return caller_hash(number, hmac.digest(settings.auth_tokens[0].encode(), _KEY_LABEL, hashlib.sha256))

    return hash_number


def quota_of(settings: Settings, number: str, hash_number: HashNumber) -> CallerQuota:
    if not (settings.calls_per_number or settings.calls_per_minute):
        return NO_QUOTA
    return CallerQuota(hash_number(number), settings.calls_per_number, settings.calls_per_minute)
