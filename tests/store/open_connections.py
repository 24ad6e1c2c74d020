"""Connections to databases that are open: every engine's of this process, in whichever thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

from tests.waiting import GIVE_UP_S


class OpenConnections:
    """`len` of it is their number."""

    def __init__(self) -> None:
        self.opened = 0
        """Connections that were ever opened."""
        self._open: set[int] = set()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._open)

    def come_to(self, number: int) -> bool:
        """Wait until so many are open; False: they never were."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self) == number, GIVE_UP_S)

    def add(self, connection: Any, _record: object) -> None:
        with self._changed:
            self.opened += 1
            self._open.add(id(connection))
            self._changed.notify_all()

    def remove(self, connection: Any, _record: object) -> None:
        with self._changed:
            self._open.discard(id(connection))
            self._changed.notify_all()


@contextmanager
def counted() -> Iterator[OpenConnections]:
    """Those that are opened meanwhile."""
    found = OpenConnections()
    listeners: list[tuple[str, Callable[..., None]]] = [("connect", found.add), ("close", found.remove)]
    for name, listener in listeners:
        event.listen(Pool, name, listener)
    try:
        yield found
    finally:
        for name, listener in listeners:
            event.remove(Pool, name, listener)
