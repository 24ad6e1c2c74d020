"""Works off the outbox: takes what is due, has it done, and writes down what became of it. In the store's own thread.

Every process of every instance has such workers; the store gives an entry to one of them at a time. What a process has
taken and not settled when it dies is another's after LEASE.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.store.call_store import CallStore
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.results import OutboxItem

LOOK_S = 1.0
LEASE = timedelta(seconds=120)
"""Time for which an entry is one process's: longer than any attempt takes, and than clocks of machines differ."""
WAITS_S = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600)
"""Seconds between attempts; the last one goes on."""
_MEASURED_EVERY = timedelta(seconds=15)
JITTER = 0.2
"""Share by which each wait is longer or shorter, so that what failed together does not come back together."""

_log = structlog.get_logger()
_TROUBLES = (StoreAway, SQLAlchemyError, OSError, TimeoutError)
"""Troubles of the store, which others tell of."""


class Done(NamedTuple):
    """The entry is settled. `stored`: that was written down with what came of it. `why`: there was nothing to do."""

    stored: bool = False
    why: str = ""


class Failed(NamedTuple):
    """An attempt failed. `final`: another would, too. `wait_s`: the least time to wait before it."""

    why: str
    final: bool = False
    wait_s: float = 0.0


class Later(NamedTuple):
    """Nothing was attempted; come back in so many seconds."""

    wait_s: float


Outcome = Done | Failed | Later
Attempt = Callable[[CallStore, OutboxItem], Awaitable[Outcome]]
OpenStore = Callable[[], Awaitable[CallStore]]


class Bounds(NamedTuple):
    """Bounds of the attempts on one entry, counted from when it was entered; and how many are under way at a time."""

    longest: timedelta
    attempts: int
    at_once: int


class OutboxWorker:
    """`asks` chooses requests for results, else webhooks. `counted` has every outcome: delivered, retried, failed."""

    def __init__(
        self,
        attempt: Attempt,
        bounds: Bounds,
        *,
        asks: bool = False,
        waits_s: Sequence[float] = WAITS_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.counted: Counter[str] = Counter()
        self.sizes: Mapping[str, int] = {}
        """Entries of all processes and instances by their state, as they were last counted."""
        self._measured_at: datetime | None = None
        self._attempt = attempt
        self._bounds = bounds
        self._asks = asks
        self._waits_s = waits_s
        self._now = now
        self._chance = chance
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, open_store: OpenStore) -> None:
        """Look for ever, every second. At the end what is under way is given up, and comes again after its lease."""
        try:
            while True:
                with suppress(*_TROUBLES):
                    store = await open_store()
                    await self._begin(store)
                    await self._measure(store)
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _measure(self, store: CallStore) -> None:
        """Count what is in the outbox, now and then."""
        now = self._now()
        if self._measured_at is None or now - self._measured_at >= _MEASURED_EVERY:
            self._measured_at = now
            self.sizes = await store.outbox_sizes(asks=self._asks)

    async def _begin(self, store: CallStore) -> int:
        """Begin what is due, within bounds. Returns how many attempts were begun."""
        room = self._bounds.at_once - len(self._under_way)
        if room <= 0:
            return 0
        items = await store.claim_due(LEASE, room, asks=self._asks)
        for item in items:
            task = asyncio.create_task(self._do(store, item), name=f"outbox {item.kind}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(items)

    async def drained(self, store: CallStore) -> None:
        """Do all that is due, and wait for it."""
        while await self._begin(store) or self._under_way:
            await asyncio.gather(*self._under_way)

    async def _do(self, store: CallStore, item: OutboxItem) -> None:
        try:
            outcome = await self._attempt(store, item)
        except _TROUBLES:
            return  # it comes again after its lease
        except Exception:  # noqa: BLE001  a defect of ours costs this attempt, and no other
            _log.exception("outbox_failed", call_sid=item.call_sid, kind=item.kind)
            outcome = Failed("a defect, which the log of the server tells")
        with suppress(*_TROUBLES):
            await self._settle(store, item, outcome)

    async def _settle(self, store: CallStore, item: OutboxItem, outcome: Outcome) -> None:
        told = {"call_sid": item.call_sid, "kind": item.kind, "id": item.id, "attempt": item.attempts}
        if isinstance(outcome, Later):
            await store.postpone(item, timedelta(seconds=outcome.wait_s))
            _log.info("outbox_put_off", **told, wait_s=outcome.wait_s)
        elif isinstance(outcome, Done):
            if not outcome.stored:
                await store.settle(item, "delivered", outcome.why)
            self.counted["delivered"] += 1
            _log.info("outbox_done", **told)
        elif self._is_last(item, outcome):
            await store.settle(item, "failed", outcome.why)
            self.counted["failed"] += 1
            _log.error("outbox_given_up", **told, why=outcome.why)
        else:
            wait_s = self.wait_s(item.attempts, outcome.wait_s)
            await store.settle(item, "waiting", outcome.why, timedelta(seconds=wait_s))
            self.counted["retried"] += 1
            _log.warning("outbox_retried", **told, why=outcome.why, wait_s=round(wait_s, 1))

    def _is_last(self, item: OutboxItem, outcome: Failed) -> bool:
        spent = item.attempts >= self._bounds.attempts or self._now() - item.created_at >= self._bounds.longest
        return outcome.final or spent

    def wait_s(self, attempts: int, least_s: float = 0.0) -> float:
        """Seconds before the next attempt after so many."""
        wait_s = self._waits_s[min(attempts, len(self._waits_s)) - 1]
        return max(least_s, wait_s * self._chance(1 - JITTER, 1 + JITTER))
