"""Webhooks to the operator: what each tells, and its delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import msgspec

from bot.config import Settings
from bot.hooks.signed_post import HookFailed, SignedPost
from bot.server.bookkeeping.outbox_worker import Bounds, Done, Failed, OutboxWorker, Outcome
from bot.store.call_store import CallStore
from bot.store.results import OutboxItem, StoredCall
from bot.store.sql.reading import REST_S, SLICE

TIMEOUT_S = 10.0
BOUNDS = Bounds(longest=timedelta(days=3), attempts=1_000, at_once=8)
MAX_BODY_BYTES = 1024 * 1024
_OURS = frozenset({"owner"})
"""Figures of the record that are the server's business alone."""


def webhook_worker(settings: Settings) -> OutboxWorker:
    """The worker that delivers to BOT_WEBHOOK_URL."""
    url, secret = settings.webhook_url, settings.webhook_secret.get_secret_value()

    one_at_a_time = asyncio.Lock()  # the store has few connections, and others are in a hurry

    async def attempt(store: CallStore, item: OutboxItem) -> Outcome:
        async with one_at_a_time:
            call = await store.story_of(item.call_sid)
        if call is None:
            return Done(why="the call was forgotten")
        async with SignedPost(url, secret, TIMEOUT_S) as post:
            return await _posted(post, item, await body_of(item, call))

    return OutboxWorker(attempt, BOUNDS)


async def _posted(post: SignedPost, item: OutboxItem, body: bytes) -> Outcome:
    try:
        await post.send(body, item.id)
    except HookFailed as error:
        return Failed(str(error), error.status == HTTPStatus.GONE, error.retry_after_s)
    return Done()


async def body_of(item: OutboxItem, call: StoredCall) -> bytes:
    """The message, from what is stored of the call as it is sent: masked, and without what was purged or forgotten.

    Made a slice at a time: thousands of events at once would hold the interpreter, and the calls with it.
    """
    data: dict[str, Any] = {"call": _figures(call)}
    if item.number is not None:
        data["event"] = next((_event(one) for one in call.events if one.number == item.number), None)
    if item.kind != "call.started":
        data["turns"] = await _listed(call.turns, msgspec.to_builtins)
        data["result"] = call.result
        data["events"] = None if data["turns"] is None else await _listed(call.events, _event)
    body = _message(item, data)
    if len(body) > MAX_BODY_BYTES:
        body = _message(item, {**data, "events": None})
    return body if len(body) <= MAX_BODY_BYTES else _message(item, {**data, "events": None, "turns": None})


async def _listed(rows: Sequence[Any], told: Callable[[Any], Any]) -> msgspec.Raw | None:
    """The rows as JSON; None when they alone are longer than a message may be."""
    parts: list[bytes] = []
    for begin in range(0, len(rows), SLICE):
        parts.append(msgspec.json.encode([told(one) for one in rows[begin : begin + SLICE]])[1:-1])
        if sum(map(len, parts)) > MAX_BODY_BYTES:
            return None
        await asyncio.sleep(REST_S)
    return msgspec.Raw(b"[" + b",".join(parts) + b"]")


def _message(item: OutboxItem, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"type": item.kind, "timestamp": _moment(item.at), "data": data})


def _figures(call: StoredCall) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(call.summary)
    return {name: value for name, value in told.items() if name not in _OURS}


def _event(event: Any) -> dict[str, Any]:
    return {"name": event.name, "level": event.level, "us": event.us, "details": event.details}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
