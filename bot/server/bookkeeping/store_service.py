"""The call store beside a running server: opened, fed, swept, purged and closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.config import Settings
from bot.server.bookkeeping.after_calls import AfterCalls, after_calls
from bot.server.bookkeeping.call_records import Records, utc_now
from bot.server.directory.live_calls import LiveCalls
from bot.server.directory.spent_today import LOOK_S
from bot.server.setup.call_prices import nano_usd
from bot.server.shared.caller_quota import HashNumber
from bot.server.shared.ended_calls import DAY_S
from bot.server.shared.outcomes import is_final
from bot.server.shared.store_lookup import StoreLookup
from bot.store.call_store import CallStore
from bot.store.delivery.batch_delivery import StoreAway, why_of
from bot.store.delivery.write_behind import WriteBehind
from bot.store.open_store import opened
from bot.store.pii import caller_hash, pii_key
from bot.store.rows import CallEnded, OwnerSeen, Row, UsageKept
from bot.store.upkeep.crash_sweep import CrashSweep
from bot.store.upkeep.owners import Owner, this_process
from bot.store.upkeep.purge import EVERY_S, Purge, retention
from bot.store.urls import StoreError, store_url

LAST_ROWS_S = 5.0
"""Seconds for which the end of the process waits for a slow store: what it has not taken then is lost."""
START_S = 2.0
"""Seconds for which the start waits to be told which calls are over."""
GONE_S = 2.0
"""Seconds for which the end waits for a store that does not answer at all."""
LAST_WEBHOOKS_S = 2.0
"""Seconds for which the end waits for the operator's server."""
LOOKS = 3
"""Tries to read the day's money while no row is being stored."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class StoreService:
    """The store as a server keeps its calls in it."""

    write_behind: WriteBehind[CallStore]
    owner: Owner
    hash_number: HashNumber
    store_lookup: StoreLookup
    sweep: CrashSweep | None = None
    after_calls: AfterCalls = field(default_factory=AfterCalls)
    ends: Sequence[tuple[str, str, datetime]] = ()
    """The calls that had ended within a day before the start."""

    def keep(self, calls: LiveCalls) -> None:
        """Keep all that these calls tell from now on, and tell them what the store knows of money and callers."""
        Records(self.write_behind, calls, self.owner, self.hash_number)
        calls.registry.over.fill(
            (call_sid, reason if is_final(reason) else None, ended_at.timestamp())
            for call_sid, reason, ended_at in self.ends
        )
        if calls.settings.max_daily_usd:
            self.write_behind.every(LOOK_S, _spent_today(calls, self.write_behind))


@asynccontextmanager
async def keeping(settings: Settings) -> AsyncIterator[StoreService | None]:
    """The store's way in, for as long as the context lasts; None when there can be no store. Calls do not depend on it.

    What the calls have told until then is stored at the end, if that takes no more than LAST_ROWS_S. Raises StoreError
    for a DATABASE_URL that this installation can't use.
    """
    where = store_url(settings)
    try:
        key = pii_key(settings, where)
    except StoreError as error:
        _log.error("store_unusable", why=str(error))
        yield None
        return
    me = this_process()
    purge = Purge(settings.record_dir, retention(settings), utc_now)
    sweep = CrashSweep(me, line_minute=nano_usd(settings.twilio_usd_per_minute))
    afterwards = after_calls(settings)
    open_store = partial(opened, where, afterwards.announced)
    write_behind = WriteBehind(open_store, lambda: OwnerSeen(*me, utc_now()), then=sweep)
    write_behind.start()
    write_behind.every(EVERY_S, purge)
    for worker in afterwards.workers:
        write_behind.work(worker.run)
    try:
        shared = where.dialect == "postgresql"
        store_lookup = StoreLookup(write_behind, shared=shared)
        yield StoreService(
            write_behind, me, partial(caller_hash, key=key), store_lookup, sweep, afterwards, await _ends(write_behind)
        )
    finally:
        await _last_webhooks(write_behind, afterwards)
        await write_behind.stop(GONE_S if write_behind.away else LAST_ROWS_S)
        purge.close()


async def _ends(write_behind: WriteBehind[CallStore]) -> list[tuple[str, str, datetime]]:
    """The calls of the last day that are over: who plays a webhook of theirs again is told so from memory."""
    try:
        return await write_behind.ask(lambda store: store.ends_since(utc_now() - timedelta(seconds=DAY_S)), START_S)
    except StoreAway:
        return []


async def _last_webhooks(write_behind: WriteBehind[CallStore], afterwards: AfterCalls) -> None:
    """Deliver what is due by now, for a moment. The rest is another process's, or waits for the next start."""
    worker = afterwards.webhooks
    if worker is None or write_behind.away:
        return
    with suppress(StoreAway, TimeoutError):
        async with asyncio.timeout(LAST_WEBHOOKS_S):
            await write_behind.flush(LAST_WEBHOOKS_S)
            await write_behind.ask(worker.drained, LAST_WEBHOOKS_S)


async def prepare(settings: Settings) -> None:
    """Bring the store's tables up to date, before any process answers calls. One that is away is left to the keepers.

    Raises StoreError for a DATABASE_URL that this installation can't use.
    """
    where = store_url(settings)
    try:
        await (await opened(where)).close()
    except Exception as error:  # noqa: BLE001  whatever is wrong with it, calls are answered
        _log.warning("store_away", why=why_of(error))


def _spent_today(calls: LiveCalls, write_behind: WriteBehind[CallStore]) -> Callable[[CallStore], Awaitable[None]]:
    """Looks up what was spent since midnight, UTC, and tells the calls in their own loop.

    A store that can't be written to may still be read from: what it has yet to be told of is counted too.
    """
    loop = asyncio.get_running_loop()

    async def look(store: CallStore) -> None:
        since = midnight(utc_now())
        for _ in range(LOOKS):
            settled = write_behind.settled
            untold = sum(_money(row, since) for row in write_behind.unsettled())
            nano_usd = untold + await store.spent_since(since)
            if write_behind.settled == settled:  # else some rows may be in both
                break
        else:
            return
        with suppress(RuntimeError):  # the server has stopped
            loop.call_soon_threadsafe(calls.spent_today.stored, nano_usd, since.date())

    return look


def _money(row: Row, since: datetime) -> int:
    """Money that the store will count of a row. The line of a resumed call is in each of its ends: once here."""
    if isinstance(row, UsageKept) and row.at >= since:
        return row.usage.nano_usd
    return row.line_nano_usd if isinstance(row, CallEnded) and row.at >= since and not row.leg else 0


def midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
