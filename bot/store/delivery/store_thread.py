"""A thread with an event loop for a store: whatever the store does, the calls' own loop does not wait for it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import structlog

from bot.store.delivery.batch_delivery import StoreAway, is_away, why_of
from bot.store.rows import Row

LONGEST_S = 20.0
"""Seconds after which an attempt is given up, to be made again on a new connection."""
SOON_S = 5.0
CLOSE_S = 1.0
_ENDED = "the store's thread has ended"

_log = structlog.get_logger()


class Store(Protocol):
    """The part of a store that writing needs."""

    async def apply(self, rows: Sequence[Row]) -> None:
        """Store all rows or none. Each may come again."""

    async def close(self) -> None:
        """Let go of connections."""


S = TypeVar("S", bound=Store)
T = TypeVar("T")


class StoreThread(Generic[S]):
    """The store, opened and used in a thread of its own. What is public may be used from any thread.

    `open_store` is awaited in that thread, at first and after each failure; it may raise anything. A job that failed is
    done again after `soon_s`.
    """

    def __init__(self, open_store: Callable[[], Awaitable[S]], soon_s: float = SOON_S) -> None:
        self.away = False
        """True when the store was not there for the last write."""
        self._open_store = open_store
        self._soon_s = soon_s
        self._away_since_s = 0.0
        self._store: S | None = None
        self._opening = asyncio.Lock()
        self._jobs: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, name="store", daemon=True)

    async def ask(self, question: Callable[[S], Awaitable[T]], within_s: float) -> T:
        """The store's answer to a question. Raises StoreAway, also when the answer would come late."""
        try:
            return await self._in_thread(self._asked(question), within_s)
        except TimeoutError:
            raise StoreAway(f"no answer within {within_s:g} s") from None

    def every(self, period_s: float, job: Callable[[S], Awaitable[None]]) -> None:
        """Do `job` in the store's thread now and `period_s` after each time; sooner after one that failed."""
        self._loop.call_soon_threadsafe(self._start, self._repeat(period_s, job))

    def work(self, worker: Callable[[Callable[[], Awaitable[S]]], Coroutine[None, None, None]]) -> None:
        """Run `worker` in the store's thread until the end. It is given what opens the store; that raises StoreAway."""
        self._loop.call_soon_threadsafe(self._start, worker(self._opened))

    async def _in_thread(self, work: Coroutine[None, None, T], within_s: float) -> T:
        """Run `work` in the store's loop. Raises TimeoutError, and then it is cancelled; StoreAway after the end."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed
            work.close()
            raise StoreAway(_ENDED) from None
        async with asyncio.timeout(within_s):
            return await asyncio.wrap_future(future)

    # ---- the thread ----

    async def _end(self) -> None:
        """End the thread, and wait for it."""
        self._loop.call_soon_threadsafe(self._ending.set)
        await asyncio.wrap_future(self._ended)
        self._thread.join()

    def _live(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._until_the_end())
        finally:
            self._ended.set_result(None)

    async def _until_the_end(self) -> None:
        await self._ending.wait()
        for task in self._jobs:
            task.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await self._let_go()  # nobody uses it any more, and nobody opens it again

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._jobs.add(self._loop.create_task(work, name="store"))

    async def _asked(self, question: Callable[[S], Awaitable[T]]) -> T:
        me = asyncio.current_task()
        assert me is not None
        self._jobs.add(me)
        try:
            return await question(await self._opened())
        except StoreAway:
            raise
        except asyncio.CancelledError:
            if self._ending.is_set():  # to who asks, that is no cancelling
                raise StoreAway(_ENDED) from None
            raise
        except Exception as error:
            raise StoreAway(why_of(error)) from error
        finally:
            self._jobs.discard(me)

    async def _repeat(self, period_s: float, job: Callable[[S], Awaitable[None]]) -> None:
        complained = False
        while True:
            rest_s = min(period_s, self._soon_s)
            store: S | None = None
            try:
                store = await self._opened()
                async with asyncio.timeout(LONGEST_S):
                    await job(store)
                rest_s = period_s
            except StoreAway as error:
                await self._gone(error, store)
            except Exception as error:  # noqa: BLE001  one job that fails must not end the others
                if is_away(error):
                    await self._gone(StoreAway(why_of(error)), store)
                elif not complained:
                    complained = True
                    _log.exception("store_job_failed")
            await asyncio.sleep(rest_s)

    # ---- the store comes and goes ----

    async def _opened(self) -> S:
        """The store, opened if it is not. Raises StoreAway."""
        try:
            async with asyncio.timeout(LONGEST_S), self._opening:
                return await self._open() if self._store is None else self._store
        except TimeoutError as error:
            raise StoreAway(why_of(error)) from error

    async def _open(self) -> S:
        if self._ending.is_set():
            raise StoreAway(_ENDED)
        opening = asyncio.ensure_future(self._open_store())
        try:
            self._store = await asyncio.shield(opening)
        except asyncio.CancelledError:
            await self._finish(opening)
            raise
        except Exception as error:
            raise StoreAway(why_of(error)) from error
        return self._store

    async def _finish(self, opening: asyncio.Future[S]) -> None:
        """Await an opening that is no longer wanted: what is half open can't be closed, only what is open can."""
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_S):
                self._store = await opening

    async def _let_go(self) -> None:
        """The next attempt opens the store anew. Other jobs that use it are refused from now on, and begin again."""
        store, self._store = self._store, None
        if store is not None:
            with suppress(Exception):  # it is broken, or it can't be let go of
                async with asyncio.timeout(CLOSE_S):
                    await store.close()

    async def _gone(self, error: StoreAway, store: S | None) -> None:
        """`store` has failed a job, or could not be opened."""
        if store is not self._store:  # that job's was let go of for another's failure, and this one is not to blame
            return
        if not self.away:
            self.away = True
            self._away_since_s = time.monotonic()
            _log.warning("store_away", why=str(error))
        await self._let_go()

    def _back(self) -> None:
        """Something was written."""
        if self.away:
            self.away = False
            _log.info("store_back", seconds=round(time.monotonic() - self._away_since_s, 1))
