"""Pasts of calls that ended here a moment ago, kept for the process to carry them on."""

from __future__ import annotations

import time

from bot.call.outputs import EndReason
from bot.server.calls.live_call import LiveCall
from bot.server.shared.outcomes import RESUMABLE
from bot.server.shared.resumption import Past, past_of

PAST_S = 60.0
"""How long a process knows the past of a call that ended so; later the store does."""


class PastCalls:
    """Each with when it was remembered, the latest last."""

    def __init__(self) -> None:
        self._pasts: dict[str, tuple[float, Past]] = {}

    def find(self, call_sid: str) -> Past | None:
        """What is known here of a call that has ended and may be carried on."""
        known = self._pasts.get(call_sid)
        return None if known is None else known[1]

    def drop(self, call_sid: str) -> None:
        """Nothing carries the call on."""
        self._pasts.pop(call_sid, None)

    def remember(self, live: LiveCall, _: EndReason | None = None) -> None:
        """The call has ended, or goes on elsewhere."""
        if live.outcome not in RESUMABLE:
            return
        now_s = time.monotonic()
        self.drop(live.call_sid)
        self._pasts[live.call_sid] = now_s, past_of(live.bridge.call, live.past, live.parties, live.bridge.age_s)
        while self._pasts and next(iter(self._pasts.values()))[0] < now_s - PAST_S:
            del self._pasts[next(iter(self._pasts))]
