"""Stream tokens that are good for one use, whichever instance they are shown to."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.sql.statements import insert_of
from bot.store.sql.tables import claims

KEPT = timedelta(days=1)
"""Time for which a claim is kept: far longer than any token is good for."""


async def claim(connection: AsyncConnection, nonce: str, now: datetime) -> bool:
    """True for the first who asks. `nonce` is text, of any spelling that is always the same."""
    insert = insert_of(connection.dialect.name)(claims).values(nonce=nonce, at=now).on_conflict_do_nothing()
    return (await connection.execute(insert)).rowcount == 1


async def claimed(connection: AsyncConnection, nonce: str) -> bool:
    """True when somebody has claimed this token."""
    query = sa.select(claims.c.nonce).where(claims.c.nonce == nonce)
    return (await connection.execute(query)).first() is not None


async def forget_old(connection: AsyncConnection, now: datetime) -> None:
    """Throw away claims on tokens that nobody takes any more."""
    await connection.execute(sa.delete(claims).where(claims.c.at < now - KEPT))
