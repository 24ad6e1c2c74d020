"""What the HTTP server logs: strangers who speak no HTTP are one short warning, now and then, and a number.

aiohttp prints a traceback, as an error, for each request it can't read. On a public address scanners send such all day.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger

QUIET_S = 60.0
"""One warning stands for all that follow within this time."""

_SENDERS_FAULT = (HttpProcessingError, web.RequestPayloadError)
_log = structlog.get_logger()


class HttpLog(logging.LoggerAdapter[logging.Logger]):
    """aiohttp's logger of one server. `malformed` counts the requests that could not be read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(server_logger, {})
        self.malformed = 0
        self._clock = clock
        self._untold = 0
        self._quiet_until_s: float | None = None

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """All methods of an adapter end here. An exception that is the sender's fault is counted, others are logged."""
        error = kwargs.get("exc_info")
        if isinstance(error, _SENDERS_FAULT):
            self._count(error)
        else:
            super().log(level, msg, *args, **kwargs)

    def _count(self, error: Exception) -> None:
        self.malformed += 1
        self._untold += 1
        now_s = self._clock()
        if self._quiet_until_s is None or now_s >= self._quiet_until_s:
            _log.warning("http_malformed", why=type(error).__name__, times=self._untold)
            self._untold = 0
            self._quiet_until_s = now_s + QUIET_S
