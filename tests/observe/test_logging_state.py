"""The tests' own guard: a logger works in the next test, whatever the last one set up."""

from __future__ import annotations

import io
import logging

import structlog

from bot.observe.logging import configure
from tests.logging_state import logging_kept


def test_a_capture_that_outlives_a_reset_leaves_loggers_that_work() -> None:
    root, before = list(logging.getLogger().handlers), structlog.get_config()
    with logging_kept():
        configure("info", "json", stream=io.StringIO())
        with structlog.testing.capture_logs():
            structlog.reset_defaults()  # the capture puts the processors back, the factory stays another
    assert structlog.get_config() == before
    assert logging.getLogger().handlers == root
    structlog.get_logger("bot.x").info("listening")
