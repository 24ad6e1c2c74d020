"""Work that follows the calls of a server, as its settings want it: webhooks to the operator, and results."""

from __future__ import annotations

from typing import NamedTuple

from bot.config import Settings
from bot.server.bookkeeping.call_result import ResultAsker, result_asker, result_worker
from bot.server.bookkeeping.outbox_worker import OutboxWorker
from bot.server.bookkeeping.webhook_delivery import webhook_worker
from bot.store.sql.announcing import ASK, WEBHOOKS


class AfterCalls(NamedTuple):
    """The workers there are; None for what no setting asks for."""

    webhooks: OutboxWorker | None = None
    results: OutboxWorker | None = None
    asker: ResultAsker | None = None

    @property
    def announced(self) -> frozenset[str]:
        """Kinds of what enters the outbox as calls are stored."""
        return (WEBHOOKS if self.webhooks else frozenset()) | (frozenset({ASK}) if self.results else frozenset())

    @property
    def workers(self) -> list[OutboxWorker]:
        return [worker for worker in (self.webhooks, self.results) if worker is not None]


def after_calls(settings: Settings) -> AfterCalls:
    """Raises BadSchema, and BadPrices."""
    webhooks = webhook_worker(settings) if settings.webhook_url else None
    if settings.result_schema is None:
        return AfterCalls(webhooks)
    asker = result_asker(settings)
    return AfterCalls(webhooks, result_worker(asker), asker)
