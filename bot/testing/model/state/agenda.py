"""Agenda of a peer: a heap of actions by time, and the texts that are ready to leave."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

Action = Callable[[int], None]
"""Called with the time it was due, in us, which may be a little past."""

_encode = msgspec.json.Encoder().encode


class Agenda:
    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action]] = []
        self._added = 0
        self._events = 0
        self._ready: list[str] = []
        self.now_us = 0
        """The time of what is being done."""

    def at(self, us: int, action: Action) -> None:
        """Do `action` at `us`; of two for the same time the one added first goes first."""
        self._added += 1
        heapq.heappush(self._heap, (us, self._added, action))

    def follow(self, steps: Iterator[int], us: int) -> None:
        """Run `steps` from `us` on; each time it yields is when it goes on."""

        def go_on(_us: int) -> None:
            then = next(steps, None)
            if then is not None:
                self.at(then, go_on)

        self.at(us, go_on)

    def run(self, now_us: int) -> None:
        """Do all that is due by `now_us`, in order, what it brings up included."""
        heap = self._heap
        while heap and heap[0][0] <= now_us:
            us, _, action = heapq.heappop(heap)
            self.now_us = max(self.now_us, us)
            action(us)
        self.now_us = max(self.now_us, now_us)

    def emit(self, kind: str, fields: dict[str, Any]) -> None:
        """Send one server event now."""
        self._events += 1
        event = {"type": kind, "event_id": f"event_{self._events:06d}", **fields}
        self._ready.append(_encode(event).decode())

    def emit_text(self, text: str) -> None:
        self._ready.append(text)

    def take(self) -> list[str]:
        """Take the texts that are ready to leave, in order."""
        ready, self._ready = self._ready, []
        return ready

    def next_us(self) -> int | None:
        """Time of the next thing to do: now, while texts are ready."""
        if self._ready:
            return self.now_us
        return self._heap[0][0] if self._heap else None

    def stop(self) -> None:
        """Do nothing more; what is ready may still leave."""
        self._heap.clear()
