"""Work at absolute times, a slot every millisecond, and how late it was done: the load generator's own health."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable

from tests.benchmarks.summaries import Samples

SLOT_NS = 1_000_000
LIMIT_LAG_US = 5_000
"""uvloop's timers count whole milliseconds, so one or two are normal; above this the generator is what is slow."""


class Pacer:
    """Calls `fire(slot)` for every millisecond that has begun, in order, none left out; slots count round."""

    def __init__(self, slots: int, fire: Callable[[int], None]) -> None:
        self._slots = slots
        self._fire = fire
        self._lags = Samples()
        self._next_ns = time.monotonic_ns()
        self._slot = 0
        self._loop = asyncio.get_running_loop()
        self._since = (0, 0.0)
        self.window()
        self._tick()

    def _tick(self) -> None:
        now_ns = time.monotonic_ns()
        while self._next_ns <= now_ns:
            self._lags.add(now_ns - self._next_ns)
            self._fire(self._slot)
            self._slot = (self._slot + 1) % self._slots
            self._next_ns += SLOT_NS
        # Never sooner than a millisecond: uvloop would round it to none, and we should spin.
        self._loop.call_later(max(0.001, (self._next_ns - time.monotonic_ns()) / 1e9), self._tick)

    def window(self) -> None:
        """Measure from here."""
        self._lags.clear()
        self._since = (time.monotonic_ns(), _cpu_s())

    def health(self) -> dict[str, object]:
        """Since `window`: how late slots were, in us, and the share of a core this process took."""
        began_ns, cpu_s = self._since
        elapsed_s = max(1, time.monotonic_ns() - began_ns) / 1e9
        return {"lag": self._lags.summary_us(), "cpu_share": (_cpu_s() - cpu_s) / elapsed_s}


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
