"""Sessions that other processes or the call store make needless: looked for beside their calls, and let go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.observe.guarded import guarded
from bot.server.calls.live_call import LiveCall
from bot.server.directory.call_directory import CallDirectory
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.outcomes import is_final
from bot.server.shared.store_lookup import StoreLookup

LOOK_S = 0.25
"""Seconds between two looks of a session that waits for its stream: it may have come in another process."""
LOOK_LIVE_S = 1.0
"""Seconds between two looks of a call with a stream: another process may have been told that it is over."""


@dataclass
class NeedlessSessions:
    """Lets go of a session whose stream has come in another process, or will not come at all."""

    directory: CallDirectory
    registry: CallRegistry
    store_lookup: StoreLookup | None
    missed: int = 0
    """Sessions dialled here whose stream came in another process."""

    @contextmanager
    def watching(self, live: LiveCall, *, new: bool) -> Iterator[None]:
        """Look while the call goes on, if anybody else could know of it. `new`: nothing is known of it here."""
        looks = []
        if self.registry.shared or (self.store_lookup is not None and self.store_lookup.shared):
            looks.append(asyncio.create_task(self._look(live)))
        if new and self.store_lookup is not None:
            looks.append(asyncio.create_task(self._ask_store(live, self.store_lookup)))
        try:
            yield
        finally:
            for look in looks:
                look.cancel()

    async def _look(self, live: LiveCall) -> None:
        while True:
            await asyncio.sleep(LOOK_LIVE_S if live.bridge.attached else LOOK_S)
            with guarded(call_sid=live.call_sid):
                if await self._is_elsewhere(live):
                    return

    async def _is_elsewhere(self, live: LiveCall) -> bool:
        known = self.registry.known(live.call_sid)
        if not live.bridge.attached and (known.claimed or await self._claimed_by_another_instance(live)):
            self.missed += 1
            live.bridge.release()
        elif (outcome := self.registry.known(live.call_sid).outcome) is not None:
            live.caller_gone = outcome == "caller_hung_up"
            live.bridge.shutdown("caller_hung_up" if live.caller_gone else "line_lost")
        else:
            return False
        return True

    async def _claimed_by_another_instance(self, live: LiveCall) -> bool:
        """A stream that came here meanwhile was claimed by us."""
        if self.store_lookup is None or not live.nonce:
            return False
        nonce = live.nonce
        return await self.store_lookup.claimed(nonce) and live.nonce == nonce

    async def _ask_store(self, live: LiveCall, store_lookup: StoreLookup) -> None:
        """Let go of a call that is over by the store, unless its stream is here: then Twilio knows better."""
        reason = await store_lookup.ended(live.call_sid)
        if reason is None or live.bridge.attached:
            return
        live.played_again = True
        self.registry.end(live.call_sid, reason if is_final(reason) else None)  # else it may yet be carried on
        live.bridge.release()
        self.directory.tell(self.directory.on_played_again, live)
