"""What no test over sockets may leave behind, in either event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.desk import until


def tasks_left() -> list[str]:
    """Every task but the one that asks."""
    return [repr(task) for task in asyncio.all_tasks() - {asyncio.current_task()}]


def sockets_left() -> list[str]:
    """Every file the loop still looks at, but for the pipe it wakes itself with; asyncio's loop only."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.SelectorEventLoop):
        return []
    own = loop._ssock.fileno()  # type: ignore[attr-defined]
    return [repr(key) for fd, key in loop._selector.get_map().items() if fd != own]  # type: ignore[attr-defined]


def timers_left() -> list[str]:
    """Every timer of ours that will still fire; asyncio's loop only."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.SelectorEventLoop):
        return []
    waiting = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    return [text for text in map(repr, waiting) if "bot/" in text or "bot." in text or "abort" in text]


def open_sockets() -> int:
    """How many sockets this process has open, watched or not; 0 where the system does not list them."""
    listed, count = Path("/proc/self/fd"), 0
    for entry in listed.iterdir() if listed.is_dir() else ():
        with contextlib.suppress(OSError):  # the listing's own file is gone by now
            count += str(entry.readlink()).startswith("socket:")
    return count


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """Fails a test after which a task, an open socket or a timer of a call is still there half a second later."""
    before = open_sockets()
    yield
    await until(
        lambda: not (tasks_left() or sockets_left() or timers_left()) and open_sockets() <= before,
        within_s=0.5,
        or_fail=False,
    )
    assert tasks_left() == []
    assert sockets_left() == []
    assert timers_left() == []
    assert open_sockets() <= before
