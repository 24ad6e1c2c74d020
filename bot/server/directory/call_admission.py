"""Admission of calls, as their webhook comes: by the operator's lists, the load, the room and the money."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

from bot.config import Settings
from bot.config.values.caller_lists import among, e164
from bot.server.directory.departure import Departure
from bot.server.directory.spent_today import SpentToday
from bot.server.shared.call_registry import CallRegistry, Entry, Known
from bot.server.shared.caller_quota import HashNumber, quota_of

SAMPLES = 5
"""Looks at the loop's lag, a second apart, of which the middle one counts: a single stall is no load."""
CALM = 0.5
"""The part of the limit below which calls are taken again."""


def may_call(settings: Settings, number: str) -> bool:
    """True if calls from `number`, as Twilio gives it, are taken. A denied one is not, even if it is allowed too."""
    plain = e164(number)
    if among(plain, settings.deny_callers):
        return False
    return not settings.allow_callers or among(plain, settings.allow_callers)


class Load:
    """Load of the event loop: `high` while it is too late to take more calls. `limit_ms` 0: it never is."""

    def __init__(self, limit_ms: float) -> None:
        self.high = False
        self._limit_s = limit_ms / 1000
        self._lags: deque[float] = deque(maxlen=SAMPLES)

    def lag(self, seconds: float) -> bool:
        """Take in that the loop was so late. True if that changes `high`."""
        before = self.high
        self._lags.append(seconds)
        if self._limit_s and len(self._lags) == SAMPLES:
            usual = median(self._lags)
            self.high = usual > self._limit_s * (CALM if self.high else 1)
        return self.high is not before


@dataclass
class CallAdmission:
    """Lets calls in while there is room, money and time for them."""

    settings: Settings
    registry: CallRegistry
    departure: Departure
    spent_today: SpentToday
    load: Load
    """The loop's lag, as the meter measures it."""
    hash_number: HashNumber
    """Hashes the number that limits by caller count by."""

    @property
    def full(self) -> bool:
        """True if one more call would hear that there is no room."""
        return self.load.high or self.registry.counts().live >= self.settings.max_calls

    def too_dear(self, call_sid: str) -> bool:
        """True if the day's money is used up, and this is no call that was let in before."""
        return self.spent_today.used_up and self.registry.known(call_sid) == Known()

    def enter(self, call_sid: str, caller: str = "", settings: Settings | None = None) -> Entry:
        """Let the call of this webhook in, by its own `settings` as to the caller's quota.

        A process that drains, or is too busy, lets no new one in.
        """
        limit = 0 if self.departure.draining or self.load.high else self.settings.max_calls
        return self.registry.enter(call_sid, limit, quota_of(settings or self.settings, caller, self.hash_number))
