"""What must be known about a call beyond its own task: which tokens are spent, and how a call ended.

One small interface, in memory for one process; a store shared by workers and instances can take its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.call.outputs import EndReason

DAY_S = 24 * 3600
MAX_ENTRIES = 1_000_000


class CallRegistry(Protocol):
    """Claims and outcomes."""

    def claim(self, nonce: bytes, expires_s: float) -> bool:
        """Spend a token's nonce. False when it was spent or voided before."""

    def void(self, nonce: bytes, expires_s: float) -> None:
        """Make a nonce useless: a newer token took its place."""

    def set_outcome(self, call_sid: str, reason: EndReason) -> None:
        """The call is over; remembered for a day."""

    def outcome(self, call_sid: str) -> EndReason | None:
        """How the call ended, None when it has not or is unknown."""


class MemoryRegistry:
    """A CallRegistry for one process. `clock` gives seconds of the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spent: dict[bytes, float] = {}
        self._outcomes: dict[str, tuple[EndReason, float]] = {}

    def claim(self, nonce: bytes, expires_s: float) -> bool:
        self._forget()
        if nonce in self._spent:
            return False
        self._spent[nonce] = expires_s
        return True

    def void(self, nonce: bytes, expires_s: float) -> None:
        self._spent[nonce] = expires_s

    def set_outcome(self, call_sid: str, reason: EndReason) -> None:
        self._outcomes.pop(call_sid, None)
        self._outcomes[call_sid] = (reason, self._clock() + DAY_S)
        if len(self._outcomes) > MAX_ENTRIES:
            del self._outcomes[next(iter(self._outcomes))]

    def outcome(self, call_sid: str) -> EndReason | None:
        known = self._outcomes.get(call_sid)
        if known is None or known[1] < self._clock():
            return None
        return known[0]

    def _forget(self) -> None:
        """Both dictionaries are in the order of time, so only their heads can be out of date."""
        now = self._clock()
        while self._spent and self._spent[next(iter(self._spent))] < now:
            del self._spent[next(iter(self._spent))]
        while self._outcomes and self._outcomes[next(iter(self._outcomes))][1] < now:
            del self._outcomes[next(iter(self._outcomes))]
