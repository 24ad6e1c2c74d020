"""The longest a call may last: the model is told in time, says goodbye at the limit, is cut off a little after it."""

from __future__ import annotations

from bot.call.outputs import EndReason
from bot.call.rule import NEVER_US, Bound
from bot.call.settings import CallSettings
from bot.call.step import Step

WRAP_UP_US = 30_000_000
"""Time before the limit at which the model is told to wrap up, at most a fifth of the whole call."""


class MaxDuration(Bound):
    """Counts from the stream's start, and from before it for a call that is resumed. A limit of 0 is none."""

    reason: EndReason = "time_limit"

    def __init__(self, settings: CallSettings, step: Step) -> None:
        self._step = step
        self._most_us = round(settings.max_call_s * 1_000_000)
        self._before_us = round(settings.elapsed_s * 1_000_000)
        self._near_us = self._over_us = NEVER_US

    def stream_started(self) -> None:
        """The caller is there."""
        if self._most_us:
            self._over_us = self._step.now_us + max(0, self._most_us - self._before_us)
            self._near_us = self._over_us - min(WRAP_UP_US, self._most_us // 5)
            self.due()

    def due(self) -> None:
        """The level changes now."""
        now_us = self._step.now_us
        self.due_us = next((at_us for at_us in (self._near_us, self._over_us) if at_us > now_us), NEVER_US)
        self.level = 0 if now_us < self._near_us else 1 if now_us < self._over_us else 2

    def near(self) -> None:
        self._step.report("time_limit_near", limit_s=self._most_us // 1_000_000)

    def reached(self) -> None:
        self._step.warn("time_limit_reached", limit_s=self._most_us // 1_000_000)
