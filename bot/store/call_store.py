"""The call store: what happened on each call, kept in SQLite or Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.call.facts import TurnFact
from bot.store.results import (
    CallResult,
    CallSummary,
    Filters,
    Forgotten,
    OpenOwner,
    OutboxItem,
    OutboxState,
    Purged,
    Retention,
    SoFar,
    StoredCall,
)
from bot.store.rows import FileKept, Row, UsageKept
from bot.store.sql import announcing, dial_book, outbox_entries, reading, token_claims
from bot.store.sql.driver_threads import dispose
from bot.store.sql.engine import for_writing, make_engine, make_file_engine
from bot.store.sql.tables import HEAD
from bot.store.sql.writing import apply_rows
from bot.store.upkeep import erasing
from bot.store.upkeep.crashed_calls import end_crashed
from bot.store.urls import StoreUrl

EVERYTHING = Filters()


class CallStore:
    """One store, whose tables `schema.migrate` has made. Belongs to one event loop.

    Every method raises OSError or `sqlalchemy.exc.SQLAlchemyError` when the database does not answer or refuses, after
    a bounded wait; what it did is then undone. Neither error repeats a row or a password.
    """

    def __init__(
        self,
        where: StoreUrl,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        announced: frozenset[str] = frozenset(),
    ) -> None:
        """Opens nothing yet; makes SQLite's file. `now` dates calls of which only rows without a time are known.

        `announced`: kinds of entries that are made in the outbox as calls are stored (`sql.announcing`).
        """
        self._announced = announced
        self._where = where
        self._now = now
        self._reads = make_engine(where)
        self._writes = for_writing(self._reads)
        self._writer = None if where.path is None else make_file_engine(where.path)
        """Rows go to SQLite by a thread in one go: the driver for asyncio changes threads thirty times in a
        transaction, which costs three times what the transaction does."""

    async def is_current(self) -> bool:
        """True when the tables are there and as this code wants them. False: `schema.migrate` has work to do."""
        async with self._reads.connect() as connection:
            if not await connection.run_sync(lambda inner: sa.inspect(inner).has_table("alembic_version")):
                return False
            return list((await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalars()) == [
                HEAD
            ]

    async def apply(self, rows: Sequence[Row]) -> None:
        """Write `rows` in one transaction. The same rows may come again, and in any order.

        A row that no database takes (a naive time, a number beyond 64 bits) may also raise TypeError, ValueError or
        OverflowError.
        """
        if not rows:
            return
        if self._writer is not None:
            stray = await asyncio.to_thread(self._apply_to_file, self._writer, rows)
        else:
            async with self._writes.begin() as connection:
                stray = await connection.run_sync(apply_rows, rows, self._now(), self._announced)
        erasing.erase_stray(stray)

    def _apply_to_file(self, file: sa.Engine, rows: Sequence[Row]) -> list[FileKept]:
        with file.begin() as connection:
            return apply_rows(connection, rows, self._now(), self._announced)

    async def calls(self, filters: Filters = EVERYTHING) -> list[CallSummary]:
        """The calls that `filters` let through, the newest first."""
        async with self._reads.connect() as connection:
            return await reading.list_calls(connection, filters)

    async def call(self, sid: str) -> StoredCall | None:
        """Everything stored of one call, by its SID or the beginning of it. Raises StoreError when several begin so."""
        async with self._reads.connect() as connection:
            return await reading.find_call(connection, sid)

    async def story_of(self, sid: str) -> StoredCall | None:
        """The call `sid` without its usages, files and outbox, read so that live calls do not notice."""
        async with self._reads.connect() as connection:
            return await reading.story_of(connection, sid)

    async def so_far(self, sid: str) -> SoFar | None:
        """The call `sid` as it stands; None when it is not known."""
        async with self._reads.connect() as connection:
            return await reading.so_far(connection, sid)

    async def ends_of(self, sids: Collection[str]) -> dict[str, str]:
        """Reasons why the calls `sids` ended. Those that go on, or are not known, are left out."""
        async with self._reads.connect() as connection:
            return await reading.ends_of(connection, sids)

    async def ends_since(self, at: datetime) -> list[tuple[str, str, datetime]]:
        """The calls that have ended since `at`, how and when, in the order of their ends."""
        async with self._reads.connect() as connection:
            return await reading.ends_since(connection, at)

    async def claim(self, nonce: str) -> bool:
        """Use a stream token. True for the first who asks, on whichever instance."""
        async with self._writes.begin() as connection:
            return await token_claims.claim(connection, nonce, self._now())

    async def claimed(self, nonce: str) -> bool:
        """True when a stream token was used."""
        async with self._reads.connect() as connection:
            return await token_claims.claimed(connection, nonce)

    # ---- what is dialled ----

    async def reserve_dial(self, wanted: dial_book.Wanted, caps: dial_book.Caps) -> dial_book.Reserved:
        """Enter that a call is about to be placed, unless its key is known or a cap reached."""
        async with self._writes.begin() as connection:
            return await dial_book.reserve(connection, wanted, caps, self._now())

    async def find_dial(self, key: str) -> dial_book.Dial | None:
        """The entry of this key."""
        async with self._reads.connect() as connection:
            return await dial_book.find(connection, key, self._now())

    async def settle_dial(self, key: str, state: dial_book.DialState, call_sid: str = "") -> None:
        """Write down what became of a call that was being placed."""
        async with self._writes.begin() as connection:
            await dial_book.settle(connection, key, state, call_sid)

    async def release_dial(self, key: str) -> None:
        """A call was not placed: it counts for nothing, and its key may be used again."""
        async with self._writes.begin() as connection:
            await dial_book.release(connection, key)

    async def conversation(self, sid: str) -> list[TurnFact]:
        """The turns of the call `sid` in spoken order."""
        async with self._reads.connect() as connection:
            return await reading.conversation(connection, sid)

    async def events(self, sid: str, names: Collection[str]) -> list[tuple[str, dict[str, Any]]]:
        """Names and details of the events of the call `sid` that are called so, in the order of their numbers."""
        async with self._reads.connect() as connection:
            return await reading.named_events(connection, sid, names)

    async def spent_since(self, at: datetime) -> int:
        """Billionths of a dollar that all instances have spent since `at`. Forgotten calls no longer count."""
        async with self._reads.connect() as connection:
            return await reading.spent_since(connection, at)

    async def open_owners(self) -> list[OpenOwner]:
        """The processes whose calls have not ended, dead or alive."""
        async with self._reads.connect() as connection:
            return await reading.open_owners(connection)

    async def end_crashed(self, older_than: datetime, dead: Collection[str] = (), *, line_minute: int = 0) -> list[str]:
        """End as crashed each open call whose last sign of life is before `older_than`, or whose owner is in `dead`.

        `line_minute`: what each minute begun of their lines has cost, in billionths of a dollar. Returns their SIDs; of
        several that ask at once, one gets each.
        """
        async with self._writes.begin() as connection:
            ended = await end_crashed(connection, older_than, dead, line_minute)
            if self._announced:
                await connection.run_sync(announcing.announce_ends, ended, self._announced, self._now())
            return ended

    # ---- what is to be told or asked ----

    async def claim_due(self, lease: timedelta, limit: int, *, asks: bool = False) -> list[OutboxItem]:
        """Take webhooks that are due, or with `asks` requests for results. Nobody else has them for `lease`."""
        async with self._reads.connect() as connection:
            if not await outbox_entries.any_due(connection, self._now(), asks=asks):
                return []
        async with self._writes.begin() as connection:
            return await outbox_entries.claim_due(connection, self._now(), lease, limit, asks=asks)

    async def settle(self, item: OutboxItem, state: OutboxState, why: str = "", wait: timedelta | None = None) -> None:
        """Write down what became of an attempt; of one that is to be made again, how long to wait before."""
        due_at = None if wait is None else self._now() + wait
        async with self._writes.begin() as connection:
            await outbox_entries.settle(connection, item.id, state, why, due_at)

    async def postpone(self, item: OutboxItem, wait: timedelta) -> None:
        """Give an entry back for so long, as if no attempt had been made."""
        async with self._writes.begin() as connection:
            await outbox_entries.postpone(connection, item.id, self._now() + wait)

    async def keep_result(self, item: OutboxItem, result: CallResult, usage: UsageKept) -> None:
        """Store what a model made of a call and what that cost, and enter both in what is to be told."""
        async with self._writes.begin() as connection:
            if not await erasing.is_stored(connection, item.call_sid):  # forgotten meanwhile
                return
            await connection.run_sync(apply_rows, [usage], self._now())
            await outbox_entries.keep_result(connection, item.call_sid, result)
            await outbox_entries.settle(connection, item.id, "delivered", "")
            await connection.run_sync(announcing.announce_result, item, self._announced, self._now())

    async def outbox(self, *states: OutboxState, call_sid: str | None = None) -> list[OutboxItem]:
        """Entries of the outbox in one of these states, the oldest first; of one call, or of all."""
        async with self._reads.connect() as connection:
            return await outbox_entries.entries(connection, states, call_sid)

    async def outbox_sizes(self, *, asks: bool | None = None) -> dict[str, int]:
        """Number of webhooks in each state; with `asks`, of requests for results, and of both when it is None."""
        async with self._reads.connect() as connection:
            return await outbox_entries.sizes(connection, asks=asks)

    async def send_again(self, call_sid: str | None = None) -> int:
        """Make what was given up due anew, of one call or of all. Returns how many."""
        async with self._writes.begin() as connection:
            return await outbox_entries.send_again(connection, self._now(), call_sid)

    # ---- upkeep ----

    async def purge(self, now: datetime, keep: Retention) -> Purged:
        """Throw away what is older than it shall be kept. A call's figures stay."""
        async with self._writes.begin() as connection:
            purged = await erasing.purge(connection, now, keep, self._where.record_dir)
        await self._truncate_log()
        return purged

    async def forget(self, caller_hash: str) -> Forgotten:
        """Erase everything about a caller: rows and files. Raises ValueError for an empty hash, which is nobody's."""
        if not caller_hash:
            raise ValueError("an empty hash is nobody's")
        async with self._writes.begin() as connection:
            gone = await erasing.forget(connection, caller_hash, self._now(), self._where.record_dir)
        return gone if await self._truncate_log() else erasing.still_in_log(gone)

    async def close(self) -> None:
        """Close every connection."""
        if self._writer is not None:
            await asyncio.to_thread(self._writer.dispose)
        await dispose(self._reads)

    async def _truncate_log(self) -> bool:
        """True when SQLite's write-ahead log holds nothing any more; waits a while for those who read."""
        if self._where.dialect != "sqlite":
            return True
        autocommit = self._reads.execution_options(isolation_level="AUTOCOMMIT")
        async with autocommit.connect() as connection:
            busy = (await connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))).one()[0]
        return not busy
