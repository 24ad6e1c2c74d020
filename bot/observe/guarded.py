"""A defect of ours in one part of a call or of the process: logged, and no reason to leave the rest undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

_log = structlog.get_logger()


@contextmanager
def guarded(**who: str) -> Iterator[None]:
    """Context that logs an exception and goes on behind its block. `who` is for the log."""
    try:
        yield
    except Exception:  # noqa: BLE001
        _log.exception("internal_error", **who)
