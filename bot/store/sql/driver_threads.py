"""Threads of SQLite's driver: each connection has one, which may outlive the event loop and then prints a traceback."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import Any
from weakref import WeakKeyDictionary

import aiosqlite
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

LAST_S = 1.0
"""Seconds that a thread is waited for; it has a file to close, and perhaps nothing to do it with."""


class DriverThreads:
    """The connections that one engine opens, by `connect`."""

    def __init__(self) -> None:
        self._threads: list[Thread] = []
        self._openings: set[asyncio.Task[aiosqlite.Connection]] = set()

    async def connect(self, *args: Any, **knobs: Any) -> aiosqlite.Connection:
        """Open a connection. Who is cancelled meanwhile gets none: it is closed when it is open, and not before."""
        connection = aiosqlite.connect(*args, **knobs)
        thread = connection._thread  # noqa: SLF001  as SQLAlchemy does
        thread.daemon = True
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        opening = asyncio.create_task(_opened(connection), name="opening of a file")
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_stop)
            raise

    async def end(self) -> None:
        """Wait for the threads, whose connections are closed."""
        if self._openings:
            await asyncio.wait(self._openings, timeout=LAST_S)
        threads, self._threads = self._threads, []
        for thread in threads:
            await asyncio.to_thread(thread.join, LAST_S)


async def _opened(connection: aiosqlite.Connection) -> aiosqlite.Connection:
    return await connection


def _stop(opening: asyncio.Task[aiosqlite.Connection]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().stop()


_of_engines: WeakKeyDictionary[Engine, DriverThreads] = WeakKeyDictionary()


def remember(engine: AsyncEngine, threads: DriverThreads) -> None:
    """`engine` opens its connections by these."""
    _of_engines[engine.sync_engine] = threads


async def dispose(engine: AsyncEngine) -> None:
    """Close the connections of `engine`, and wait for their threads.

    A connection that failed while it was opened, as one of a file that is no database, is stopped without being waited
    for, and its thread has yet to tell this loop so.
    """
    await engine.dispose()
    threads = _of_engines.get(engine.sync_engine)
    if threads is not None:
        await threads.end()
