"""The one thread that writes the files of every call in this process.

It looks at every open call twice a second, so a crash loses at most the last second. A disk that is full or a directory
that can't be written costs the file and never the call: it is counted, and logged once per file.
"""

from __future__ import annotations

import atexit
import queue
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

import structlog

FLUSH_S = 0.5

_log = structlog.get_logger()


class Written(Protocol):
    """A file that the thread looks after. The thread alone calls both methods, and neither raises."""

    def write_pending(self) -> None:
        """Write what has come so far."""

    def finish(self) -> None:
        """Write the rest and close."""


class Writer:
    """`failures` counts the files that were given up."""

    def __init__(self, *, flush_s: float = FLUSH_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures = 0
        self._flush_s = flush_s
        self._clock = clock
        self._orders: queue.SimpleQueue[tuple[Literal["open", "close"], Written] | None] = queue.SimpleQueue()
        self._open: dict[Written, None] = {}
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
        self._thread.start()

    def add(self, written: Written) -> None:
        """Look after `written` until it is closed."""
        self._orders.put(("open", written))

    def close(self, written: Written) -> None:
        """Let it finish."""
        self._orders.put(("close", written))

    def stop(self) -> None:
        """Let everything finish, end the thread, and wait for it."""
        self._orders.put(None)
        self._thread.join()

    def gave_up(self, path: Path, error: Exception, call_sid: str) -> None:
        """A file has failed, and nothing more of it will be written. Called in the thread."""
        self.failures += 1
        _log.warning("recording_failed", call_sid=call_sid, path=str(path), error=str(error))

    def not_closed(self, path: Path, error: Exception, call_sid: str) -> None:
        """A file that was written could not be closed. Called in the thread."""
        _log.warning("recording_not_closed", call_sid=call_sid, path=str(path), error=str(error))

    def _run(self) -> None:
        due = self._clock() + self._flush_s
        while True:
            try:
                order = self._orders.get(timeout=max(0.0, due - self._clock()))
            except queue.Empty:
                due = self._clock() + self._flush_s
                for written in self._open:
                    written.write_pending()
                continue
            if order is None:
                break
            what, written = order
            if what == "open":
                self._open[written] = None
            else:
                self._open.pop(written, None)
                written.finish()
        for written in self._open:
            written.finish()


@cache
def process_writer() -> Writer:
    """The one writer of this process, started with the first recording and flushed when the process ends."""
    writer = Writer()
    atexit.register(writer.stop)
    return writer
