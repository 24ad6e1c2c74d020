"""Delivery of one batch to the store: either all of it, or all but the rows that the store itself refuses.

Whether a row or the store is to blame is told by the error where that is certain, and otherwise by trial: the store
answers others, and the row alone is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.store.rows import Row

AWAY_STATES = ("08", "25", "28", "3D", "40", "42", "53", "55", "57", "58", "XX")
"""SQLSTATE classes (PostgreSQL, appendix A) that speak of the server, the session or the schema: connection, read
only, authorisation, no database, rollback, syntax and access, no resources, locks, operator, system, internal."""
MAX_WHY = 200

Apply = Callable[[Sequence[Row]], Awaitable[None]]


class StoreAway(Exception):
    """The store does not answer, or not as ours. The text is for a log: no value of any row is in it."""


class Unkept(NamedTuple):
    """A row the store refuses, and the kind of error."""

    row: Row
    why: str


async def deliver(apply: Apply, rows: Sequence[Row], probe: Row) -> list[Unkept]:
    """Store `rows` in their order, and give those that were refused. Raises StoreAway, and then all may come again.

    `probe` is a row known to be good: it tells a store that is away from one that refuses a row.
    """
    try:
        await apply(rows)
    except Exception as error:
        if is_away(error):
            raise StoreAway(why_of(error)) from error
        if len(rows) > 1:
            half = len(rows) // 2
            refused = await deliver(apply, rows[:half], probe)
            return refused + await deliver(apply, rows[half:], probe)
        await _prove(apply, probe)
        return await _once_more(apply, rows[0])
    return []


async def _once_more(apply: Apply, row: Row) -> list[Unkept]:
    """The store answers: a row that failed because a connection broke under it, in whatever words, is taken now."""
    try:
        await apply([row])
    except Exception as error:
        if is_away(error):
            raise StoreAway(why_of(error)) from error
        return [Unkept(row, type(_cause(error)).__name__)]
    return []


async def _prove(apply: Apply, probe: Row) -> None:
    """Raises StoreAway unless the store takes the probe."""
    try:
        await apply([probe])
    except Exception as error:
        raise StoreAway(why_of(error)) from error


def is_away(error: Exception) -> bool:
    """True when the store is certainly to blame, and no row. A disk that is full refuses large rows first."""
    cause = _cause(error)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str) and state:
        return state.startswith(AWAY_STATES)
    if isinstance(error, OperationalError):
        return True
    if isinstance(cause, ValueError | TypeError | ArithmeticError):  # asyncpg's InterfaceError for a bad value is one
        return False
    away = (InterfaceError, InternalError, ProgrammingError, PoolTimeout, OSError, TimeoutError)
    return isinstance(error, away) or isinstance(cause, OSError | TimeoutError)


def why_of(error: BaseException) -> str:
    """The error in a line, without the statement and its values, which SQLAlchemy's own text has."""
    cause = _cause(error)
    text = str(cause).partition("\n")[0]
    return f"{type(cause).__name__}: {text}"[:MAX_WHY].removesuffix(": ")


def _cause(error: BaseException) -> BaseException:
    """The exception of the database's driver; its adapters wrap it once or twice."""
    inner = getattr(error, "orig", None)
    if not isinstance(inner, BaseException):
        return error
    below = inner.__cause__
    return below if isinstance(below, Exception) else inner
