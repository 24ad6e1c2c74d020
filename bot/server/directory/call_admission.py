"""Admission of calls, as their webhook comes."""

from __future__ import annotations

from dataclasses import dataclass

from bot.config import Settings
from bot.server.directory.departure import Departure
from bot.server.directory.spent_today import SpentToday
from bot.server.setup.caller_access import Load
from bot.server.shared.call_registry import CallRegistry, Entry, Known
from bot.server.shared.caller_quota import HashNumber, quota_of


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

    def enter(self, call_sid: str, caller: str = "") -> Entry:
        """Let the call of this webhook in. A process that drains, or is too busy, lets no new one in."""
        limit = 0 if self.departure.draining or self.load.high else self.settings.max_calls
        return self.registry.enter(call_sid, limit, quota_of(self.settings, caller, self.hash_number))
