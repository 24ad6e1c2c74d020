"""Log lines that strangers can cause: of each kind one in a while, which tells how many it stands for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog

QUIET_S = 60.0
"""Seconds for which one line stands for all of its kind."""

_log = structlog.get_logger()


class RateLimitedLog:
    """Whoever writes to it names kinds from a fixed list, never from what a stranger sent."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._untold: Counter[tuple[str, ...]] = Counter()
        self._quiet_until_s: dict[tuple[str, ...], float] = {}

    def warn(self, event: str, *kind: str, **fields: Any) -> None:
        """Write a warning, or count it for the next one of its `event` and `kind`."""
        if times := self._times(event, *kind):
            _log.warning(event, **fields, times=times)

    def inform(self, event: str, *kind: str, **fields: Any) -> None:
        """The same where nothing is wrong on our side or Twilio's."""
        if times := self._times(event, *kind):
            _log.info(event, **fields, times=times)

    def _times(self, *kind: str) -> int:
        """Number of lines that the one to be written stands for; 0 when none is to be written."""
        self._untold[kind] += 1
        now_s = self._clock()
        if now_s < self._quiet_until_s.get(kind, now_s):
            return 0
        self._quiet_until_s[kind] = now_s + QUIET_S
        return self._untold.pop(kind)
