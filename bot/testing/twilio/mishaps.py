"""What goes wrong with the simulated REST API on demand: refusals, delays, answers that never come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.testing.twilio.rest_refusal import Refused


class Dropped(Exception):
    """The connection breaks in place of an answer."""


@dataclass
class Mishap:
    """What the next requests of one operation meet.

    `status` and `code` refuse it, `delay_s` keeps it waiting (real seconds), `drop` breaks the connection. With
    `carried_out` it does what was asked and then breaks the connection, so that the answer is lost.
    """

    status: int = 0
    code: int = 0
    delay_s: float = 0.0
    drop: bool = False
    carried_out: bool = False
    times: int = 1


TOO_MANY = (429, 20429)


class Mishaps:
    """The mishaps that wait for their operations."""

    def __init__(self, operations: frozenset[str]) -> None:
        self._operations = operations
        self._waiting: dict[str, list[Mishap]] = {}

    def add(self, operation: str, mishap: Mishap) -> None:
        if operation not in self._operations:
            raise ValueError(f"no operation is named {operation}: {', '.join(sorted(self._operations))}")
        self._waiting.setdefault(operation, []).append(mishap)

    async def before(self, operation: str) -> bool:
        """Let the mishap of this request happen. True when its answer is to be lost. Raises Refused, Dropped."""
        waiting = self._waiting.get(operation)
        if not waiting:
            return False
        mishap = waiting[0]
        mishap.times -= 1
        if mishap.times <= 0:
            waiting.pop(0)
        await asyncio.sleep(mishap.delay_s)
        if mishap.status:
            raise Refused(mishap.status, mishap.code)
        if mishap.drop:
            raise Dropped
        return mishap.carried_out
