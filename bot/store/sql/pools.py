"""Pools of connections that can be closed while some are in use: those are closed as they are given back.

SQLAlchemy's own leave them open for the garbage collector, and open new ones after that.
"""

from __future__ import annotations

from typing import Self

from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, QueuePool
from sqlalchemy.util.queue import Empty


class PoolClosed(OSError):
    """The store was closed: it has to be opened anew."""


class ThreadsPool(QueuePool):
    """For an engine that threads use. Once it is disposed of, its engine opens nothing more.

    Closing waits for nobody. Who takes or gives back a connection looks for `_closed` after that, so that of the two
    who meet one closes it at least.
    """

    _closed = False

    def dispose(self) -> None:
        self._closed = True
        self._close_idle()

    def recreate(self) -> Self:
        return self

    def _do_get(self) -> ConnectionPoolEntry:
        self._refuse_closed()
        record = super()._do_get()
        try:
            self._refuse_closed()
        except PoolClosed:
            self._do_return_conn(record)
            raise
        return record

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._closed:
            self._close_idle()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise PoolClosed("the store was closed")

    def _close_idle(self) -> None:
        for _ in range(self.checkedin()):
            try:
                record = self._pool.get(block=False)
            except Empty:  # another took it, and closes it
                return
            try:
                record.close()
            finally:
                self._pool.put(record, block=False)  # empty, for those who wait for one: they shall be refused now


class LoopPool(ThreadsPool, AsyncAdaptedQueuePool):
    """For an engine that an event loop uses."""
