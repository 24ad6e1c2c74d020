"""The call store for a command: opened, brought up to date where it must be, closed, and its troubles in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from bot.store.call_store import CallStore
from bot.store.urls import StoreUrl

T = TypeVar("T")


class StoreUnreachable(Exception):
    """The store does not answer. Its text is a sentence without password or record."""


def ask(where: StoreUrl, question: Callable[[CallStore], Awaitable[T]], *, nothing: T) -> T:
    """The answer of the store to `question`; `nothing` when no SQLite file is there yet, and none is made.

    Raises StoreError for a store that can't be used as it is, StoreUnreachable for one that does not answer.
    """
    try:
        if not is_there(where):
            return nothing
        return asyncio.run(_asked(where, question))
    except (OSError, SQLAlchemyError) as error:
        cause = error.__cause__ or getattr(error, "orig", None) or error
        setting = "BOT_RECORD_DIR and DATABASE_URL" if where.path and isinstance(error, OSError) else "DATABASE_URL"
        raise StoreUnreachable(
            f"The call store {where} does not answer ({_reason(cause)}); look at {setting}."
        ) from None


def is_there(where: StoreUrl) -> bool:
    """True when there is a store to ask: a SQLite file may not be made yet. Raises OSError when that is hidden."""
    try:
        return where.path is None or bool(where.path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False


async def _asked(where: StoreUrl, question: Callable[[CallStore], Awaitable[T]]) -> T:
    store = CallStore(where)
    try:
        if not await store.is_current():
            from bot.store.sql.schema import migrate  # noqa: PLC0415  alembic takes longer than the question

            await migrate(where)
        return await question(store)
    finally:
        await store.close()


def _reason(error: BaseException) -> str:
    """The first line at most: drivers may add the statement."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".") or type(error).__name__
