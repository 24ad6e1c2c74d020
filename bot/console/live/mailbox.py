"""What waits for one who reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Whoever puts something in never waits; bounds are theirs to keep."""

    def __init__(self) -> None:
        self._waiting: deque[T] = deque()
        self._some = asyncio.Event()
        self._closed = asyncio.Event()

    @property
    def over(self) -> bool:
        """True once nothing more comes."""
        return self._closed.is_set()

    def put(self, one: T) -> None:
        self._waiting.append(one)
        self._some.set()

    def take(self) -> list[T]:
        """All that waits."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def batches(self) -> AsyncIterator[list[T]]:
        """What comes, as it comes, as many at once as wait, until it is over."""
        while not self.over:
            if self._waiting:
                yield self.take()
                continue
            self._some.clear()
            await self._some.wait()

    def close(self) -> None:
        self._closed.set()
        self._some.set()

    async def closed(self) -> None:
        """Wait until it is over."""
        await self._closed.wait()
