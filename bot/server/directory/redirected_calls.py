"""Calls that are sent round by a process that leaves: told to wait a little and ask again, for another to take them.

Every bound of a leave-taking stands here, since each follows from the others: whoever was told to come back is
answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.twilio.twiml import HOLD_S

HOLDS = 2
"""How often a call whose stream is over is sent round."""
ASK_S = 1.5
"""Twilio asks at once, when a stream is over and when a pause is: it is waited for this long."""
ROUND_S = HOLD_S + ASK_S
"""From the answer that sends a call round to the question that it comes back with, at most."""
LEAVE_S = ASK_S + HOLDS * ROUND_S
"""From the end of the last call to the last question about it, at most: the process still answers for so long."""


class RedirectedCalls:
    """The calls that this process has sent round and that have yet to come back. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_s: dict[str, float] = {}

    def send(self, call_sid: str) -> None:
        """The call is told to come back."""
        self._due_s[call_sid] = self._clock() + ROUND_S

    def came(self, call_sid: str) -> None:
        """The call was told what follows, and does not come back for that."""
        self._due_s.pop(call_sid, None)

    @property
    def out(self) -> bool:
        """Whether any may yet come back here."""
        now_s = self._clock()
        return any(due_s > now_s for due_s in self._due_s.values())
