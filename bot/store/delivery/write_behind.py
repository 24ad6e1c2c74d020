"""Takes rows from the calls and brings them to the store, whatever state that is in.

A call only ever appends to a list. The store's thread gathers what came in a fifth of a second and stores it in one go.
A store that is gone, slow, full or locked is tried again for as long as the process lives; what waits meanwhile is
bounded (`bot.store.delivery.backlog`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import count

import msgspec
import structlog

from bot.store.delivery.backlog import Backlog
from bot.store.delivery.batch_delivery import StoreAway, Unkept, deliver
from bot.store.delivery.store_thread import CLOSE_S, LONGEST_S, SOON_S, S, Store, StoreThread
from bot.store.rows import CallEnded, OwnerSeen, Row

GATHER_S = 0.2
"""A finished turn is stored this long after it was told, plus what the store takes."""
BATCH_ROWS = 200
"""Rows written at a time: preparing them holds the interpreter, for which calls wait."""
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
BEAT_S = 4.0
CALLS_NAMED = 50
"""Most calls that one line of the log names."""

_log = structlog.get_logger()


class WriteBehind(StoreThread[S]):
    """The way from one process's calls to the store.

    `alive` makes the row that is stored every `beat_s` to show that this process lives, and to see whether the store
    does. `then` is done after each beat.
    """

    def __init__(
        self,
        open_store: Callable[[], Awaitable[S]],
        alive: Callable[[], OwnerSeen],
        backlog: Backlog | None = None,
        *,
        then: Callable[[S], Awaitable[None]] | None = None,
        beat_s: float = BEAT_S,
        retry_s: Sequence[float] = RETRY_S,
        soon_s: float = SOON_S,
    ) -> None:
        super().__init__(open_store, soon_s)
        self._alive = alive
        self._backlog = Backlog() if backlog is None else backlog
        self._then = then
        self._beat_s = beat_s
        self._retry_s = retry_s
        self._inbox: deque[Row] = deque()
        self._called = False
        self._in_flight: Sequence[Row] = ()
        self._stuck = False
        self._settled = 0
        """All rows numbered below are stored, refused or dropped."""
        self._wanted = asyncio.Event()
        self._progress = asyncio.Event()
        self._hurry = asyncio.Event()

    def start(self) -> None:
        """Open the store and show that this process lives."""
        self._thread.start()
        self._loop.call_soon_threadsafe(self._start, self._carry())
        self.every(self._beat_s, self._beat)

    # ---- for the calls ----

    def put(self, row: Row) -> None:
        """Store `row` soon. Returns at once and never fails."""
        self._inbox.append(row)
        if not self._called:
            self._called = True
            with suppress(RuntimeError):  # the keeper has stopped, and with it the process
                self._loop.call_soon_threadsafe(self._loop.call_later, GATHER_S, self._collect)

    def withdraw(self, row: Row) -> None:
        """Do not store `row`, which was put in this turn of the loop or a few before it and is not gathered yet."""
        with suppress(ValueError):
            self._inbox.remove(row)

    @property
    def waiting(self) -> int:
        """Rows that are not stored yet."""
        return len(self._inbox) + len(self._backlog) + len(self._in_flight)

    @property
    def settled(self) -> int:
        """Grows with every batch that is stored, refused or dropped."""
        return self._settled

    def unsettled(self) -> list[Row]:
        """The rows that are not stored yet. For the store's thread."""
        return [*self._in_flight, *self._backlog.rows, *list(self._inbox)]

    @property
    def lost(self) -> int:
        """Rows that never will be."""
        return self._backlog.dropped

    def lost_of(self, call_sid: str) -> int:
        """Number of rows of one call that were lost, until its end is stored."""
        return self._backlog.lost(call_sid)

    # ---- for the server ----

    async def flush(self, within_s: float) -> bool:
        """Wait up to `within_s`; True once everything put before is stored, or refused."""
        try:
            await self._in_thread(self._until_settled(), within_s)
        except TimeoutError:
            return False
        return True

    async def stop(self, within_s: float) -> bool:
        """Store what waits, for up to `within_s`, and end the thread. Whether everything was stored or refused."""
        try:
            stored = await self.flush(within_s)
            if not stored:
                calls: list[str] = []
                with suppress(TimeoutError):
                    calls = await self._in_thread(self._behind(), CLOSE_S)
                _log.warning("records_given_up", rows=self.waiting, calls=calls[:CALLS_NAMED])
        finally:
            await self._end()
        return stored

    async def _behind(self) -> list[str]:
        """The calls that have rows which are not stored yet."""
        return sorted({row.call_sid for row in self.unsettled() if not isinstance(row, OwnerSeen)})

    # ---- rows, in the store's thread ----

    def _collect(self) -> None:
        """Move what has come to the backlog, in order and within bounds, also while the store is busy."""
        self._called = False
        while self._inbox:
            self._backlog.put(self._inbox.popleft())
        self._wanted.set()

    async def _until_settled(self) -> None:
        self._collect()
        all_before = self._backlog.youngest + 1
        self._hurry.set()
        try:
            while self._settled < all_before:
                self._progress.clear()
                await self._progress.wait()
        finally:
            self._hurry.clear()

    async def _carry(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while rows := self._backlog.take(BATCH_ROWS):
                self._in_flight = rows
                refused = await self._bring(rows)
                self._in_flight = ()
                self._conclude(rows, refused)
                self._settled = self._backlog.oldest
                self._progress.set()

    async def _bring(self, rows: Sequence[Row]) -> list[Unkept]:
        """Store `rows`, however long that takes. Gives those that the store refuses."""
        for attempt in count():
            store: S | None = None
            try:
                store = await self._opened()
                apply = partial(_apply, store)
                refused = await deliver(apply, [self._final(row) for row in rows], self._alive())
            except StoreAway as error:
                self._stuck = True
                await self._gone(error, store)
                await self._rest(attempt)
            else:
                self._stuck = False
                self._back()
                return refused
        raise AssertionError

    async def _rest(self, attempt: int) -> None:
        """Wait before the next attempt; not as long when somebody waits for these rows."""
        hurry = self._hurry.is_set()
        longest_s = self._retry_s[0 if hurry else min(attempt, len(self._retry_s) - 1)]
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await (self._ending if hurry else self._hurry).wait()

    async def _beat(self, store: S) -> None:
        """Show that this process lives. Where others wait, a row so small tells nothing: it may fit on a full disk."""
        await store.apply([self._alive()])
        if not self._stuck:
            self._back()
        if self._then is not None:
            await self._then(store)

    # ---- the end of a call ----

    def _final(self, row: Row) -> Row:
        """A call's end says how many of its rows are lost; all that came before it are settled by then."""
        if isinstance(row, CallEnded):
            return msgspec.structs.replace(row, lost=self._backlog.lost(row.call_sid))
        return row

    def _conclude(self, rows: Sequence[Row], refused: Sequence[Unkept]) -> None:
        """Count what was refused. An end that was stored with too small a number is stored again."""
        ends = {row.call_sid: row for row in rows if isinstance(row, CallEnded)}
        told = {call_sid: self._backlog.lost(call_sid) for call_sid in ends}
        for row, _ in refused:
            self._backlog.refused(row)
            if isinstance(row, CallEnded):
                told[row.call_sid] = self._backlog.lost(row.call_sid)
        if refused:
            self._complain(refused)
        for call_sid, end in ends.items():
            lost = self._backlog.lost(call_sid)
            if lost > told[call_sid]:
                self._backlog.put(end)
            elif lost:
                _log.warning("records_lost", call_sid=call_sid, rows=lost)
                self._backlog.forget(call_sid)

    def _complain(self, refused: Sequence[Unkept]) -> None:
        row, why = refused[0]
        call_sid = None if isinstance(row, OwnerSeen) else row.call_sid
        _log.warning("record_refused", call_sid=call_sid, kind=type(row).__name__, why=why, rows=len(refused))


async def _apply(store: Store, rows: Sequence[Row]) -> None:
    async with asyncio.timeout(LONGEST_S):
        await store.apply(rows)
