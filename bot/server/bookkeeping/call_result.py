"""The result of a call that is over: asked of a text model, judged, masked, paid for and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot.after_call.result_answer import Answered, Made, TextUsage, read_answer
from bot.after_call.result_request import has_words, request_body
from bot.after_call.result_schema import ResultSchema, load_schema
from bot.after_call.text_model import NotAnswered, TextModel, ask
from bot.call.facts import UsageFact
from bot.config import Settings
from bot.observe.masking import mask_value, masker
from bot.observe.spoken_numbers import mask_spoken
from bot.realtime.connection import Endpoint
from bot.realtime.usage import PerToken, cost
from bot.server.bookkeeping.call_records import utc_now
from bot.server.bookkeeping.outbox_worker import Bounds, Done, Failed, Later, OutboxWorker, Outcome
from bot.server.setup.call_prices import nano_usd, price_table
from bot.store.call_store import CallStore
from bot.store.results import CallResult, OutboxItem
from bot.store.rows import LATER, UsageKept

BOUNDS = Bounds(longest=timedelta(days=1), attempts=6, at_once=4)
ALL_SPENT_S = 900.0
"""Seconds after which it is looked again whether there is money for a result."""


@dataclass(eq=False)
class ResultAsker:
    """Asks for results, one call at a time. `tokens` and `nano_usd` count what was used."""

    schema: ResultSchema
    model: str
    server: TextModel
    prices: PerToken | None
    mask: Callable[[str], str]
    daily_cap: int = 0
    now: Callable[[], datetime] = utc_now
    tokens: Counter[str] = field(default_factory=Counter)
    nano_usd: int = 0

    async def attempt(self, store: CallStore, item: OutboxItem) -> Outcome:
        """Ask once, and keep what came of it."""
        call = await store.so_far(item.call_sid)
        if call is None:
            return Done(why="the call was forgotten")
        turns = call.turns
        if not has_words(turns):
            return Done(why="nothing was said, or its time is over")
        if self.daily_cap and await store.spent_since(_midnight(self.now())) >= self.daily_cap:
            return Later(ALL_SPENT_S)
        try:
            told = await ask(self.server, request_body(self.model, self.schema, turns))
        except NotAnswered as error:
            return Failed(str(error), error.final, error.wait_s)
        return await self._keep(store, item, read_answer(told, self.schema))

    async def _keep(self, store: CallStore, item: OutboxItem, answered: Answered) -> Outcome:
        usage = self._paid(item, answered)
        made = answered.outcome
        if not isinstance(made, Made):
            await store.apply([usage])
            return Failed(made.why, made.final)
        whole = {"summary": made.summary, "disposition": made.disposition, "fields": made.fields}
        masked = self._masked(whole)
        await store.keep_result(item, CallResult(at=self.now(), model=answered.model or self.model, **masked), usage)
        return Done(stored=True)

    def _masked(self, value: Any) -> Any:
        """Numbers of people and our secrets may not stand in it, whatever the model was told or made up."""
        return _in_every_text(mask_value(value, self.mask), mask_spoken)

    def _paid(self, item: OutboxItem, answered: Answered) -> UsageKept:
        tokens = {kind: number for kind, number in msgspec.structs.asdict(answered.usage.tokens).items() if number}
        nano = self._price(answered.usage)
        self.tokens.update(tokens)
        self.nano_usd += nano or 0
        fact = UsageFact(
            LATER + item.attempts,
            "result",
            answered.response_id,
            answered.model or self.model,
            answered.status,
            tokens,
            nano_usd=nano or 0,
            priced=nano is not None,
        )
        return UsageKept(item.call_sid, self.now(), fact)

    def _price(self, usage: TextUsage) -> int | None:
        if self.prices is None:
            return None
        return cost(usage.tokens, self.prices) + usage.cache_written * self.prices.text_in // 4


def result_asker(settings: Settings) -> ResultAsker:
    """The asker that the settings want; BOT_RESULT_SCHEMA is set. Raises BadSchema, BadPrices."""
    assert settings.result_schema is not None
    key = settings.openai_api_key.get_secret_value()
    endpoint = Endpoint(settings.openai_realtime_url, settings.result_model, key, dialect=settings.dialect)
    return ResultAsker(
        load_schema(settings.result_schema),
        settings.result_model,
        TextModel(settings.responses_url, endpoint.credentials),
        price_table(settings.prices).text_model(settings.result_model),
        masker(settings.secrets),
        nano_usd(settings.max_daily_usd),
    )


def result_worker(asker: ResultAsker) -> OutboxWorker:
    """The worker that asks for the results of calls."""
    return OutboxWorker(asker.attempt, BOUNDS, asks=True)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _in_every_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _in_every_text(inner, change) for name, inner in value.items()}
    return [_in_every_text(one, change) for one in value] if isinstance(value, list) else value
