"""The book of what was dialled: one entry an idempotency key, by which nobody is rung twice, and the day's counts.

Entries hold no number but its hash, and go after two days. Whoever reserves decides alone: one at a time, whichever
process or instance they are in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.sql.tables import dials

DAY = timedelta(days=1)
KEPT = timedelta(days=2)
"""Time for which a key is known."""
PLACING = timedelta(minutes=1)
"""Time after which it is not known whether a call that was being placed was: its process has died."""
_LOCK = 0x4469616C426F6F6B
"""The number of Postgres's advisory lock: "DialBook"."""

DialState = Literal["placing", "placed", "doubtful"]


class Dial(NamedTuple):
    """An entry. `digest` is of the request, `call_sid` empty until the call is placed."""

    key: str
    digest: str
    state: DialState
    call_sid: str


class Wanted(NamedTuple):
    """A call that is to be placed: the hash of its idempotency key, a digest of the request, the number's hash."""

    key: str
    digest: str
    number_hash: str


class Caps(NamedTuple):
    """Calls within a day, to one number and to all. 0: no limit."""

    per_number: int = 0
    per_day: int = 0


class Reserved(NamedTuple):
    """Answer to a reservation: the entry that was there before, or the cap that is reached and the end of it."""

    before: Dial | None = None
    cap: Literal["per_number", "per_day"] | None = None
    free_at: datetime | None = None


async def reserve(connection: AsyncConnection, wanted: Wanted, caps: Caps, now: datetime) -> Reserved:
    """Enter that a call is about to be placed, unless its key is known or a cap reached."""
    if connection.dialect.name == "postgresql":  # SQLite's transaction has locked the file as it began
        await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    await connection.execute(sa.delete(dials).where(dials.c.at < now - KEPT))
    before = await find(connection, wanted.key, now)
    if before is not None:
        return Reserved(before)
    since = dials.c.at > now - DAY
    for cap, limit, which in (
        ("per_number", caps.per_number, since & (dials.c.number_hash == wanted.number_hash)),
        ("per_day", caps.per_day, since),
    ):
        if limit and (free_at := await _full_until(connection, which, limit)) is not None:
            return Reserved(cap=cap, free_at=free_at)  # type: ignore[arg-type]
    row = {**wanted._asdict(), "at": now, "state": "placing", "call_sid": ""}
    await connection.execute(sa.insert(dials).values(row))
    return Reserved()


async def _full_until(connection: AsyncConnection, which: sa.ColumnElement[bool], limit: int) -> datetime | None:
    """The moment at which there is room again; None where there is."""
    query = sa.select(dials.c.at).where(which).order_by(dials.c.at.desc()).limit(limit)
    times = list((await connection.execute(query)).scalars())
    return times[-1] + DAY if len(times) >= limit else None


async def settle(connection: AsyncConnection, key: str, state: DialState, call_sid: str = "") -> None:
    """Write down what became of a call that was being placed; what is known to be placed stays so."""
    mine = (dials.c.key == key) & (dials.c.call_sid == "")
    await connection.execute(sa.update(dials).where(mine).values(state=state, call_sid=call_sid))


async def release(connection: AsyncConnection, key: str) -> None:
    """Take the entry of a call out that was not placed: it counts for nothing, and its key may be used again.

    One of which that is not known stays.
    """
    await connection.execute(sa.delete(dials).where(dials.c.key == key, dials.c.state == "placing"))


async def find(connection: AsyncConnection, key: str, now: datetime) -> Dial | None:
    """The entry of this key, if it is not too old to count."""
    columns = (dials.c.key, dials.c.digest, dials.c.state, dials.c.call_sid, dials.c.at)
    row = (await connection.execute(sa.select(*columns).where(dials.c.key == key, dials.c.at >= now - KEPT))).first()
    if row is None:
        return None
    died = row.state == "placing" and row.at < now - PLACING
    return Dial(row.key, row.digest, "doubtful" if died else row.state, row.call_sid)
