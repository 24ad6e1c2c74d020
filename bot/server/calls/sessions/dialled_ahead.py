"""A session that is dialled while it is still being found out what its call is to be: open, and told nothing yet."""

from __future__ import annotations

import asyncio

from bot.realtime.connection import Endpoint, RealtimeConnection
from bot.realtime.failures import Failure


class DialledAhead:
    """Dials at once. A call takes it with what it has said so far, or it is let go of."""

    def __init__(self, endpoint: Endpoint, within_s: float) -> None:
        self.endpoint = endpoint
        self.texts: list[bytes] = []
        self.failure: Failure | None = None
        """End of it, if it was lost after it had opened."""
        self.connection = RealtimeConnection(endpoint, self.texts.append, self._lost)
        self.opening = asyncio.create_task(self.connection.open(within_s), name="dial ahead")

    def _lost(self, failure: Failure) -> None:
        self.failure = failure

    async def close(self) -> None:
        """Nobody takes it."""
        self.opening.cancel()
        await asyncio.gather(self.opening, return_exceptions=True)
        await self.connection.close()
