"""Callers who may call, by the operator's lists, and a machine that is too busy for any."""

from __future__ import annotations

from collections import deque
from statistics import median

from bot.config import Settings
from bot.config.values.caller_lists import among, e164

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
