"""The HTTP server's log: strangers who speak no HTTP are one short warning, now and then, and a number.

aiohttp prints a traceback, as an error, for each request it can't read. On a public address scanners send such all day.
"""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger

from bot.observe.rate_limited_log import RateLimitedLog

_SENDERS_FAULT = (HttpProcessingError, web.RequestPayloadError)


class HttpLog(logging.LoggerAdapter[logging.Logger]):
    """aiohttp's logger of one server. `malformed` counts the requests that could not be read."""

    def __init__(self, rate_limited: RateLimitedLog) -> None:
        super().__init__(server_logger, {})
        self.malformed = 0
        self._rate_limited = rate_limited

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """All methods of an adapter end here. An exception that is the sender's fault is counted, others are logged."""
        error = kwargs.get("exc_info")
        if isinstance(error, _SENDERS_FAULT):
            self.malformed += 1
            self._rate_limited.warn("http_malformed", why=type(error).__name__)
        else:
            super().log(level, msg, *args, **kwargs)
