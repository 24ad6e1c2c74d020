"""One direction of a network path, as a function from the time sent to the time of arrival."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable

from bot.twilio.playout import Stall, merged


class Line:
    """Delay, jitter of +- `jitter_us`, uniform for each message by itself, and stalls in which nothing arrives.

    A share `lost` of the messages is lost and sent again, and arrives `again_us` later. Order is kept, as TCP keeps it:
    no message arrives before an earlier one. With jitter the mean delay is therefore a little above `delay_us` when
    messages stand close together.
    """

    def __init__(
        self,
        delay_us: int = 0,
        jitter_us: int = 0,
        rng: random.Random | None = None,
        stalls: Iterable[Stall] = (),
        *,
        lost: float = 0.0,
        again_us: int = 220_000,
    ) -> None:
        if (jitter_us or lost) and rng is None:
            raise ValueError("a line with jitter or losses needs its own random.Random, so that a run can be repeated")
        self.delay_us = delay_us
        self.jitter_us = jitter_us
        self.lost = lost
        self.again_us = again_us
        self._rng = rng
        self._stalls = merged(stalls)
        self._starts = [from_us for from_us, _ in self._stalls]
        self._last_us = 0

    def arrival(self, sent_us: int) -> int:
        """Time when a message sent at `sent_us` arrives. Call it once for each message, in the order sent."""
        at_us = sent_us + self.delay_us
        if self._rng is not None and self.jitter_us:
            at_us = max(sent_us, at_us + self._rng.randint(-self.jitter_us, self.jitter_us))
        if self._rng is not None and self.lost and self._rng.random() < self.lost:
            at_us += self.again_us
        self._last_us = self.moves_from(max(at_us, self._last_us))
        return self._last_us

    def moves_from(self, at_us: int) -> int:
        """`at_us`, or the end of the stall it lies in."""
        index = bisect_right(self._starts, at_us)
        return max(at_us, self._stalls[index - 1][1]) if index else at_us
