"""A defect of ours in one part of a call or of the process: logged, and no reason to leave the rest undone."""

from __future__ import annotations

from types import TracebackType

import structlog

_log = structlog.get_logger()


class guarded:  # noqa: N801  it reads as a statement
    """What is done in here may fail: what comes after it is done all the same. `who` is for the log."""

    def __init__(self, **who: str) -> None:
        self._who = who

    def __enter__(self) -> None:
        """Nothing is needed."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        _log.error("internal_error", exc_info=error, **self._who)
        return True
