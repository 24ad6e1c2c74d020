"""Every test of the server is checked for what it leaves behind, and its log is kept."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
import structlog

from bot.testing.virtual.client_event_schema import check_client_event
from tests import warm
from tests.server.leaks import nothing_left

__all__ = ["nothing_left"]


@pytest.fixture(autouse=True)
def checked(nothing_left: None) -> Iterator[None]:
    """Check after each test that nothing is left; `desk.captured` gives the log."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phones are quick about a <Pause>. That a server is still there after a real one is for test_drain to tell."""
    monkeypatch.setattr(
        import_module("bot.testing.dialling.dial"), "SECOND_S", 0.05
    )  # the package's `dial` is the function


@pytest.fixture(autouse=True, scope="session")
def commands_are_warm() -> None:
    """Begin before any test counts sockets."""
    warm.ready()


@pytest.fixture(autouse=True, scope="session")
def _schema_is_loaded() -> None:
    """Load the schema before: its first use takes half a second, which no caller shall wait for."""
    check_client_event('{"type":"response.create"}')
