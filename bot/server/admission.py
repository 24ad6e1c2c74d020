"""Admission of calls: who is let in, as their webhook comes."""

from __future__ import annotations

from bot.config import Settings
from bot.server.day import DailySpend
from bot.server.departure import Departure
from bot.server.quota import HashNumber, quota_of
from bot.server.registry import CallRegistry, Entry, Known
from bot.server.walls import Load


class Admission:
    """Lets calls in while there is room, money and time for them."""

    def __init__(
        self,
        settings: Settings,
        registry: CallRegistry,
        departure: Departure,
        day: DailySpend,
        hash_number: HashNumber,
    ) -> None:
        self.load = Load(settings.max_lag_ms)
        """How late the loop is, as the meter measures it."""
        self._settings = settings
        self._registry = registry
        self._departure = departure
        self._day = day
        self.hash_number = hash_number
        """What limits by caller are counted by."""

    @property
    def full(self) -> bool:
        """Whether one more call would hear that there is no room."""
        return self.load.high or self._registry.counts().live >= self._settings.max_calls

    def too_dear(self, call_sid: str) -> bool:
        """Whether the day's money is used up, and this is no call that was let in before."""
        return self._day.used_up and self._registry.known(call_sid) == Known()

    def enter(self, call_sid: str, caller: str = "") -> Entry:
        """What the webhook of this call finds; a process that drains, or is too busy, lets no new one in."""
        limit = 0 if self._departure.draining or self.load.high else self._settings.max_calls
        return self._registry.enter(call_sid, limit, quota_of(self._settings, caller, self.hash_number))
