"""Logging as it was before a test: it is the process's, and what one test sets up must not meet the next."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

LEVELS_SET = ("", "bot", "alembic", "twilio", "aiohttp.access", "websockets.server")


@contextmanager
def logging_kept() -> Iterator[None]:
    """Structlog's configuration, the root's handlers and the levels are afterwards what they were.

    `structlog.testing.capture_logs` puts back the processors alone, which with another factory of loggers may not work.
    """
    configuration, configured = structlog.get_config(), structlog.is_configured()
    processors = list(configuration["processors"])
    handlers = list(logging.getLogger().handlers)
    levels = {name: logging.getLogger(name).level for name in LEVELS_SET}
    try:
        yield
    finally:
        structlog.contextvars.clear_contextvars()
        if configured:
            structlog.configure(**{**configuration, "processors": processors})
        else:
            structlog.reset_defaults()
        logging.getLogger().handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo at the end of a test what it has set up."""
    with logging_kept():
        yield
