"""The outbox: who takes an entry, and what becomes of it. Of all processes and instances one has an entry at a time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.results import CallResult, OutboxItem, OutboxState
from bot.store.sql.announcing import ASK
from bot.store.sql.row_params import plain, plain_text
from bot.store.sql.statements import insert_of
from bot.store.sql.tables import call_results, outbox

DELIVERED_KEPT = timedelta(days=7)
"""Time for which it is remembered that something was delivered."""
_SHOWN = [column for column in outbox.c if column.name != "claimed_until"]


def _takeable(now: datetime, *, asks: bool) -> sa.ColumnElement[bool]:
    free = outbox.c.claimed_until.is_(None) | (outbox.c.claimed_until <= now)
    return (outbox.c.state == "waiting") & (outbox.c.due_at <= now) & free & _of_kind(asks=asks)


def _of_kind(*, asks: bool) -> sa.ColumnElement[bool]:
    return outbox.c.kind == ASK if asks else outbox.c.kind != ASK


async def any_due(connection: AsyncConnection, now: datetime, *, asks: bool) -> bool:
    """True when there is something to take."""
    return (
        await connection.execute(sa.select(outbox.c.id).where(_takeable(now, asks=asks)).limit(1))
    ).first() is not None


async def claim_due(
    connection: AsyncConnection, now: datetime, lease: timedelta, limit: int, *, asks: bool
) -> list[OutboxItem]:
    """Take what is due, the oldest first; nobody else does for so long. An attempt is counted as begun."""
    query = sa.select(*_SHOWN).where(_takeable(now, asks=asks)).order_by(outbox.c.due_at, outbox.c.id).limit(limit)
    rows = (await connection.execute(query.with_for_update(skip_locked=True))).mappings().all()
    found = [OutboxItem(**{**row, "attempts": row["attempts"] + 1}) for row in rows]
    if found:
        mine = outbox.c.id.in_([item.id for item in found])
        change = {"claimed_until": now + lease, "attempts": outbox.c.attempts + 1}
        await connection.execute(sa.update(outbox).where(mine).values(change))
    return found


async def settle(
    connection: AsyncConnection, item_id: str, state: OutboxState, why: str, due_at: datetime | None = None
) -> None:
    """Write down what became of an attempt. `due_at`: when the next one is due, if there is to be one."""
    change: dict[str, Any] = {"state": state, "why": plain_text(why), "claimed_until": None}
    if due_at is not None:
        change["due_at"] = due_at
    await connection.execute(sa.update(outbox).where(outbox.c.id == item_id).values(change))


async def postpone(connection: AsyncConnection, item_id: str, due_at: datetime) -> None:
    """Give an entry back as if no attempt had been made."""
    change = {"claimed_until": None, "attempts": outbox.c.attempts - 1, "due_at": due_at}
    await connection.execute(sa.update(outbox).where(outbox.c.id == item_id).values(change))


async def keep_result(connection: AsyncConnection, call_sid: str, result: CallResult) -> None:
    """Store what a model made of a call, in place of what it made of it before."""
    values = {"model": result.model, "summary": result.summary, "disposition": result.disposition}
    told = {name: plain_text(text) for name, text in values.items()}
    row = {"call_sid": call_sid, "at": result.at, "fields": plain(result.fields), **told}
    insert = insert_of(connection.dialect.name)(call_results).values(row)
    changed = {name: insert.excluded[name] for name in row if name != "call_sid"}
    await connection.execute(insert.on_conflict_do_update(index_elements=["call_sid"], set_=changed))


async def entries(
    connection: AsyncConnection, states: Collection[OutboxState], call_sid: str | None = None
) -> list[OutboxItem]:
    """The entries in these states, the oldest first; of one call, or of all."""
    query = sa.select(*_SHOWN).where(outbox.c.state.in_(sorted(states)))
    if call_sid is not None:
        query = query.where(outbox.c.call_sid == call_sid)
    rows = await connection.execute(query.order_by(outbox.c.created_at, outbox.c.id))
    return [OutboxItem(**row) for row in rows.mappings()]


async def result_of(connection: AsyncConnection, call_sid: str) -> CallResult | None:
    """A model's account of the call."""
    columns = [column for column in call_results.c if column.name != "call_sid"]
    row = (await connection.execute(sa.select(*columns).where(call_results.c.call_sid == call_sid))).mappings().first()
    return None if row is None else CallResult(**row)


async def sizes(connection: AsyncConnection, *, asks: bool | None) -> dict[str, int]:
    """Number of entries in each state."""
    query = sa.select(outbox.c.state, sa.func.count()).group_by(outbox.c.state)
    if asks is not None:
        query = query.where(_of_kind(asks=asks))
    return dict((await connection.execute(query)).all())


async def send_again(connection: AsyncConnection, now: datetime, call_sid: str | None = None) -> int:
    """Make what was given up due anew, of one call or of all, as if it had just come about. Returns how many."""
    mine = outbox.c.state == "failed"
    if call_sid is not None:
        mine &= outbox.c.call_sid == call_sid
    fresh = {"state": "waiting", "due_at": now, "created_at": now, "attempts": 0, "claimed_until": None}
    return (await connection.execute(sa.update(outbox).where(mine).values(fresh))).rowcount


async def forget_delivered(connection: AsyncConnection, now: datetime) -> None:
    """Throw away what was delivered long ago."""
    old = (outbox.c.state == "delivered") & (outbox.c.created_at < now - DELIVERED_KEPT)
    await connection.execute(sa.delete(outbox).where(old))
