"""What no test over sockets may leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.server.desk import until


def tasks_left() -> list[str]:
    """Every task but the one that asks."""
    return [repr(task) for task in asyncio.all_tasks() - {asyncio.current_task()}]


def sockets_left() -> list[str]:
    """Every file the loop still looks at, but for the pipe it wakes itself with."""
    loop = asyncio.get_running_loop()
    own = loop._ssock.fileno()  # type: ignore[attr-defined]
    return [repr(key) for fd, key in loop._selector.get_map().items() if fd != own]  # type: ignore[attr-defined]


def timers_left() -> list[str]:
    """Every timer of ours that will still fire."""
    waiting = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    return [text for text in map(repr, waiting) if "bot/" in text or "bot." in text or "abort" in text]


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """Fails a test after which a task, an open socket or a timer of a call is still there half a second later."""
    yield
    await until(lambda: not (tasks_left() or sockets_left() or timers_left()), within_s=0.5, or_fail=False)
    assert tasks_left() == []
    assert sockets_left() == []
    assert timers_left() == []
