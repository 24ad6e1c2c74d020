"""The event loop every command runs in: uvloop where it exists."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def settle_memory() -> None:
    """Take what was made at start out of the garbage collector's sight, and let it look less often.

    A frame leaves a few small objects behind and no cycle; looking for cycles every 700 of them, as by default, took a
    quarter of the time of a busy process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def run_in_loop(main: Coroutine[None, None, T]) -> T:
    """Run `main` to its end in a loop of its own."""
    try:
        import uvloop  # noqa: PLC0415  it has no build for some platforms
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
