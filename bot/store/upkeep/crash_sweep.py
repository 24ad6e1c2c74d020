"""The sweep that ends, in the store, calls of processes that died. Any process of any machine may find them first."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from bot.store.results import OpenOwner
from bot.store.upkeep.owners import Liveness, Owner

SILENT_S = 15.0
"""A process tells every few seconds that it lives; one that has not for this long is taken for dead."""
_NEVER = datetime.fromtimestamp(0, UTC)

_log = structlog.get_logger()


class _Calls(Protocol):
    async def open_owners(self) -> Sequence[OpenOwner]: ...

    async def end_crashed(
        self, older_than: datetime, dead: Collection[str] = (), *, line_minute: int = 0
    ) -> Sequence[str]: ...


class CrashSweep:
    """Awaited with the store now and then, each time just after this process has told that it lives.

    `line_minute`: what a minute of the line costs, in billionths of a dollar. `crashed` counts the calls it has ended.
    """

    def __init__(self, me: Owner, clock: Callable[[], float] = time.monotonic, *, line_minute: int = 0) -> None:
        self.crashed = 0
        self._me = me
        self._line_minute = line_minute
        self._clock = clock
        self._liveness = Liveness(SILENT_S)

    async def __call__(self, store: _Calls) -> None:
        """End the calls of the dead, at once where death is certain, else after a silence."""
        others = [one for one in await store.open_owners() if one.owner != self._me.name]
        dead = self._liveness.dead([(one.owner, one.seen_at) for one in others], self._clock())
        for call_sid in await store.end_crashed(_NEVER, dead, line_minute=self._line_minute) if dead else ():
            self.crashed += 1
            _log.warning("call_crashed", call_sid=call_sid)
