"""An attempt to reach the call store, for `bot check`."""

from __future__ import annotations

import asyncio
import os
from typing import NamedTuple

from bot.config import Settings
from bot.store.call_store import CallStore
from bot.store.delivery.batch_delivery import why_of
from bot.store.pii import pii_key
from bot.store.urls import StoreError, StoreUrl, store_url

PATIENCE_S = 10.0


class Reached(NamedTuple):
    """Sentences. Without a store that does not answer, calls are."""

    fine: list[str]
    warnings: list[str]


def reach(settings: Settings) -> Reached:
    """Look for the store, and make nothing. Raises StoreError for a DATABASE_URL that this installation can't use."""
    where = store_url(settings)
    if where.path is not None and not os.path.exists(where.path):  # noqa: PTH110  Path.exists may raise
        return Reached([f"Calls will be recorded in {where.path}, which the server makes."], [])
    try:
        pii_key(settings, where)
        current = asyncio.run(_current(where))
    except StoreError as error:  # about the key; one that is not set is told among what is missing
        return Reached([], [str(error)] if where.path is not None else [])
    except Exception as error:  # noqa: BLE001  drivers raise what they like
        why = why_of(error)
        return Reached([], [f"The call store {where} does not answer ({why}): calls are answered, not recorded."])
    state = "answers" if current else "answers; its tables are brought up to date when the server starts"
    return Reached([f"The call store {where} {state}."], [])


async def _current(where: StoreUrl) -> bool:
    store = CallStore(where)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await store.is_current()
    finally:
        await store.close()
