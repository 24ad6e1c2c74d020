"""The calls that are over, for a day, in some ten bytes each: a sorted array of hashes for every hour of it.

A hash is salted with the process and has sixty bits: one call in 10^13 of a million a day would be taken for another.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from typing import Literal, get_args

from bot.call.outputs import EndReason

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

Outcome = EndReason | Literal["stopped"]
"""How a call ended, as far as what follows depends on it. `stopped`: its stream was, as when the caller hangs up, and
Twilio has yet to say whether they did."""
OUTCOMES: tuple[Outcome, ...] = (*get_args(EndReason), "stopped")
_OUTCOME_BITS = 4
_ALL_BITS = 2**64 - 1


class CallsOver:
    """Each with how it ended. It is forgotten within the hour after a day."""

    def __init__(self) -> None:
        self._hours: deque[tuple[float, array[int]]] = deque()
        """When each began, the newest last."""

    def add(self, call_sid: str, outcome: Outcome, now_s: float) -> None:
        """The call is over, and is not here yet."""
        while self._hours and self._hours[0][0] < now_s - DAY_S - HOUR_S:
            self._hours.popleft()
        if not self._hours or self._hours[-1][0] <= now_s - HOUR_S:
            self._hours.append((now_s, array("Q")))
        insort(self._hours[-1][1], _hashed(call_sid) | OUTCOMES.index(outcome))

    def outcome(self, call_sid: str) -> Outcome | None:
        """How it ended; None when it is not known to be over."""
        return next((OUTCOMES[calls[at] % 2**_OUTCOME_BITS] for calls, at in self._find(call_sid)), None)

    def drop(self, call_sid: str) -> None:
        """The call goes on."""
        for calls, at in self._find(call_sid):
            del calls[at]

    def _find(self, call_sid: str) -> Iterator[tuple[array[int], int]]:
        wanted = _hashed(call_sid)
        for _, calls in self._hours:
            at = bisect_left(calls, wanted)
            if at < len(calls) and calls[at] >> _OUTCOME_BITS == wanted >> _OUTCOME_BITS:
                yield calls, at


def _hashed(call_sid: str) -> int:
    return hash(call_sid) << _OUTCOME_BITS & _ALL_BITS
