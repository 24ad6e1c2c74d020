"""The event loop every command runs in: uvloop where it exists."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

SWITCH_S = 0.0001
"""Seconds for which a thread that computes may keep the interpreter while the loop wants it: the store's, an operator's
tool. A caller's frame waits no longer; of Python's own 5 ms, frames of many calls would wait one after the other."""
TIDY_AFTER_CALLS = 500
"""A call that has ended may leave a cycle behind: so many of them are worth a pause of some tens of milliseconds."""


class Memory:
    """The garbage collector's times.

    A frame leaves nothing for it, so what is young is looked through often, a few milliseconds at a time: what
    strangers leave behind, or calls that come and go. To wait for more of it made pauses of 80 ms. Looking through the
    objects of all live calls stops the process for tens of milliseconds, which callers would hear: that is done when
    there are none, or after many have ended.
    """

    def __init__(self) -> None:
        """Set apart all that was made at start: it is never looked at again."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(5_000, 10, 1_000_000)
        self._tidied = 0

    def tidy(self, *, ended: int, live: int) -> None:
        """Collect if it is time: `ended` calls in all, `live` ones now."""
        since = ended - self._tidied
        if since >= TIDY_AFTER_CALLS or (since and not live):
            gc.collect()
            self._tidied = ended


def run_in_loop(main: Coroutine[None, None, T]) -> T:
    sys.setswitchinterval(SWITCH_S)
    try:
        import uvloop  # noqa: PLC0415  it has no build for some platforms
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
