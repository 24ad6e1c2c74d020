"""The event loop every command runs in: uvloop where it exists."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def run_in_loop(main: Coroutine[None, None, T]) -> T:
    """Run `main` to its end in a loop of its own."""
    try:
        import uvloop  # noqa: PLC0415  it has no build for some platforms
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
