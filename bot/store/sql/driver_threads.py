"""Threads of SQLite's driver: each connection has one, which may outlive the event loop and then prints a traceback."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

LAST_S = 1.0
"""Seconds that a thread is waited for; it has a file to close, and perhaps nothing to do it with."""
_threads: WeakKeyDictionary[Engine, list[Thread]] = WeakKeyDictionary()


def remember(engine: Engine, connection: Any) -> None:
    """`connection` of `engine` was opened; those of connections that are gone are forgotten."""
    threads = [thread for thread in _threads.get(engine, []) if thread.is_alive()]
    thread = getattr(connection.driver_connection, "_thread", None)
    _threads[engine] = threads if thread is None else [*threads, thread]


async def dispose(engine: AsyncEngine) -> None:
    """Close the connections of `engine`, and wait for their threads.

    A connection that failed while it was opened, as one of a file that is no database, is stopped without being waited
    for, and its thread has yet to tell this loop so.
    """
    await engine.dispose()
    for thread in _threads.pop(engine.sync_engine, []):
        await asyncio.to_thread(thread.join, LAST_S)
