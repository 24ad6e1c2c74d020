"""Leaks that no test over sockets may leave behind, in either event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.server.simulated_server import until

LASTS_S = 1.0
"""A closing handshake is over in half of that."""


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
    return [repr(timer) for timer in _timers()]


def _timers() -> list[asyncio.TimerHandle]:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.SelectorEventLoop):
        return []
    scheduled: list[asyncio.TimerHandle] = loop._scheduled  # type: ignore[attr-defined]
    return [timer for timer in scheduled if not timer.cancelled() and _is_ours(timer._callback)]  # type: ignore[attr-defined]


def _is_ours(callback: Any) -> bool:
    """True when code of bot/ set the timer, or a socket of it waits to be aborted. Sees through partials."""
    while isinstance(callback, partial):
        callback = callback.func
    function = getattr(callback, "__func__", callback)
    module = getattr(function, "__module__", None) or ""
    return module.partition(".")[0] == "bot" or getattr(function, "__name__", "") == "abort"


def lasting() -> list[str]:
    """Timers that outlast a closing handshake, by what they wait for and not by our watch."""
    late_s = asyncio.get_running_loop().time() + LASTS_S
    return [repr(timer) for timer in _timers() if timer.when() > late_s]


def open_sockets() -> int:
    """Number of sockets that this process has open, watched or not; 0 where the system does not list them."""
    listed, count = Path("/proc/self/fd"), 0
    for entry in listed.iterdir() if listed.is_dir() else ():
        with contextlib.suppress(OSError):  # the listing's own file is gone by now
            count += str(entry.readlink()).startswith("socket:")
    return count


def anything_left(before: int) -> list[str]:
    """All of it; `before` is how many sockets were open before the test."""
    found = [*tasks_left(), *sockets_left(), *timers_left()]
    return found + ["a socket"] * max(0, open_sockets() - before)


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """Fails a test after which a task, an open socket or a timer of a call stays."""
    before = open_sockets()
    yield
    assert lasting() == []
    await until(lambda: not anything_left(before), or_fail=False)
    left = anything_left(before)
    assert not left, left
