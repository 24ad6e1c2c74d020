"""Bounds that hold whatever comes in: refused or taken in a documented way, in bounded memory, unnoticed by others."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from typing import get_args

from bot.call.call import Call, Input
from bot.call.outputs import End, EndReason

CALL_KIB = 4 * 1024
"""Memory that one call may hold beyond its audio, whatever it is told."""
REASONS = frozenset(get_args(EndReason))
OK_STATUSES = frozenset({200, 204, 400, 403, 404, 405, 408, 409, 413, 426})
"""Statuses that a stranger may be answered over HTTP."""
CLOSES = frozenset({1000, 1002, 1006, 1009})
"""Codes with which our side may close a stream's socket."""


def endure(call: Call, inputs: Iterable[tuple[int, Input]]) -> None:
    """Feed all of it, each at its microsecond: nothing raises, the end is documented and the last word."""
    for now_us, one in inputs:
        over = call.ended
        outputs = call.receive(one, now_us)
        ends = [output.reason for output in outputs if isinstance(output, End)]
        assert not (over and outputs), "nothing comes after the end"
        assert len(ends) <= 1
        assert set(ends) <= REASONS


def grown_kib(work: Callable[[], object]) -> int:
    """Growth of the memory that is held once `work` is done, in KiB."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = work()
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        del kept
    finally:
        tracemalloc.stop()
    return (after - before) // 1024


def documented(reasons: Sequence[str]) -> bool:
    """Each is a reason that the manual explains."""
    return set(reasons) <= REASONS
