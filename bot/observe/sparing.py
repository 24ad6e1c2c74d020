"""Log lines that strangers can cause: of each kind one in a while, which tells how many it stands for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import structlog

QUIET_S = 60.0
"""One line stands for all of its kind that follow within this time."""

_log = structlog.get_logger()


class SparingLog:
    """Whoever writes to it names kinds from a fixed list, never from what a stranger sent."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._untold: Counter[tuple[str, ...]] = Counter()
        self._quiet_until_s: dict[tuple[str, ...], float] = {}

    def tell(self, event: str, *kind: str, level: Literal["info", "warning"] = "warning", **fields: Any) -> None:
        """Write the line, or count it for the next one of its `event` and `kind`."""
        key = (event, *kind)
        self._untold[key] += 1
        now_s = self._clock()
        if now_s >= self._quiet_until_s.get(key, now_s):
            self._quiet_until_s[key] = now_s + QUIET_S
            getattr(_log, level)(event, **fields, times=self._untold.pop(key))
