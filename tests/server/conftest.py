"""Every test of the server is checked for what it leaves behind, and its log is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.server.leaks import nothing_left

__all__ = ["nothing_left"]


@pytest.fixture(autouse=True)
def checked(nothing_left: None) -> Iterator[None]:
    """Nothing is left after any of them; `desk.captured` gives the log."""
    with structlog.testing.capture_logs():
        yield
