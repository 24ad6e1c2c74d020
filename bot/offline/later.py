"""Work in a thread, as something the simulated model can ask for again and again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """What `start` has a thread make; it is started when it is asked for first."""

    def __init__(self, start: Callable[[], Future[T]]) -> None:
        self._start = start
        self._future: Future[T] | None = None

    def poll(self) -> T | None:
        """The result, None until it is there. Raises what the work raised."""
        if self._future is None:
            self._future = self._start()
        return self._future.result() if self._future.done() else None
