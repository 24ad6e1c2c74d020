"""Threads for the operator's functions: whatever they do, the calls' own loop does not wait for them.

Coroutines share an event loop of their own, so that one that blocks holds up other tools at most. A plain function has
a thread to itself while it runs, up to a bound; to start one holds up the loop, so another function may have it after.
All are daemons: a function that never returns keeps no process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from contextvars import Context
from queue import Empty, SimpleQueue
from typing import Any

MOST_THREADS = 64
"""Plain functions that may run at a time: some stacks of memory, and more than calls that wait for one."""
IDLE_S = 10.0
"""Seconds for which a thread waits for another function before it ends."""
CLOSE_S = 1.0

Job = tuple[Callable[[], Any], Future[Any]]


class ToolCrash(Exception):
    """A function raised something that would end a thread or a loop rather than a call."""


class TooManyRun(Exception):
    """As many plain functions run as may."""


class ToolThreads:
    """Made with the first tool that is run, and let go with the process."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = threading.Event()
        self._ended: Future[None] = Future()
        self._running = threading.Semaphore(MOST_THREADS)
        self._idle = threading.Semaphore(0)
        """Counts the threads that wait for a function. Who takes one from it has one of them do what is in `_jobs`."""
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()

    async def coroutine(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run a coroutine in the tools' loop. Cancelled there when the caller is."""
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_guarded(make), self._tools_loop()))
        except asyncio.CancelledError as error:
            me = asyncio.current_task()
            if me is not None and me.cancelling():
                raise
            raise ToolCrash("another tool cancelled it") from error

    async def function(self, function: Callable[[], Any]) -> Any:
        """Run a plain function in a thread. It can't be stopped: who is cancelled waits for it no more."""
        if not self._running.acquire(blocking=False):
            raise TooManyRun(f"{MOST_THREADS} functions run at a time, and no more")
        done: Future[Any] = Future()
        try:
            if not self._idle.acquire(blocking=False):
                threading.Thread(target=self._work, name="tool", daemon=True).start()
        except BaseException:
            self._running.release()
            raise
        self._jobs.put((function, done))
        return await asyncio.wrap_future(done)

    def _work(self) -> None:
        """Run one function after the other, until none has come for a while."""
        while (job := self._next()) is not None:
            self._run(*job)
            del job  # what it holds is not this thread's to keep

    def _next(self) -> Job | None:
        while True:
            try:
                return self._jobs.get(timeout=IDLE_S)
            except Empty:
                if self._idle.acquire(blocking=False):  # else one is on its way to this thread or another
                    return None

    def _run(self, function: Callable[[], Any], done: Future[Any]) -> None:
        try:
            try:
                result = Context().run(function)  # nothing that the one before has set
            finally:
                self._idle.release()
                self._running.release()
        except BaseException as error:  # noqa: BLE001  sys.exit() is no way to leave a call
            with suppress(Exception):  # nobody may wait any more
                done.set_exception(_told(error))
        else:
            with suppress(Exception):
                done.set_result(result)

    def _tools_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop, self._closing, self._ended = asyncio.new_event_loop(), threading.Event(), Future()
            of_loop = (self._loop, self._closing, self._ended)
            threading.Thread(target=_live, args=of_loop, name="tools' loop", daemon=True).start()
        return self._loop

    async def close(self) -> None:
        """Stop the loop; what runs in it is cancelled, and not waited for long. Threads that wait end."""
        while self._idle.acquire(blocking=False):
            self._jobs.put(None)
        loop, self._loop = self._loop, None
        if loop is None:
            return
        asyncio.run_coroutine_threadsafe(_stop(loop, self._closing), loop)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.wrap_future(self._ended)


def _live(loop: asyncio.AbstractEventLoop, closing: threading.Event, ended: Future[None]) -> None:
    while not closing.is_set():  # a tool may have stopped it, or a task of its own may, which exits: all share it
        with suppress(SystemExit, KeyboardInterrupt):
            loop.run_forever()
    loop.close()
    if ended.set_running_or_notify_cancel():
        ended.set_result(None)


async def _stop(loop: asyncio.AbstractEventLoop, closing: threading.Event) -> None:
    tasks = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S / 2):
                await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        closing.set()
        loop.call_soon(loop.stop)


async def _guarded(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run the coroutine so that nothing gets past it which ends more than a tool."""
    task = asyncio.current_task()
    try:
        return await make()
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        told = _told(error)
        if told is error:
            raise
        raise told from error


def _told(error: BaseException) -> Exception:
    """The error as who waits is told it: nothing that a thread, a loop or a future takes for its own."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration | CancelledError):
        return error
    crash = ToolCrash(type(error).__name__)
    crash.__cause__ = error
    return crash
