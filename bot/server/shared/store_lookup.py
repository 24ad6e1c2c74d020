"""Questions to the store about calls that this process does not know: within bounds, and done without when it is away.

Only a store that several instances can have in common, Postgres, is asked about tokens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec
import structlog

from bot.server.shared.resumption import Past, past_in_store
from bot.store.call_store import CallStore
from bot.store.delivery.batch_delivery import StoreAway
from bot.store.delivery.write_behind import WriteBehind
from bot.store.rows import LATER, CallAnswered, CallTransferred, EventKept
from bot.store.upkeep.owners import is_dead

TOKEN_S = 0.5
"""Seconds for which a stream is kept waiting for the store."""
NEW_S = 0.25
"""Seconds that the store may take to say that a new call is none. Its dial and its answer do not wait for that."""
TOGETHER_S = 0.05
"""Seconds whose new calls are asked about together: a question costs the store's thread as much as a new call."""
SETTLE_S = 1.5
"""Seconds that another process gets to store the end of a call whose stream is over."""
LOOK_S = 0.1

_log = structlog.get_logger()


Claim = Literal["claimed", "spent", "not_told"]


class Stored(NamedTuple):
    """A call as the store knows it. `reason` is empty while it has not ended there."""

    reason: str
    past: Past


@dataclass(eq=False)
class StoreLookup:
    """The way to the store. `shared`: other instances may write to it too."""

    write_behind: WriteBehind[CallStore]
    shared: bool = field(kw_only=True)
    _new: set[str] = field(default_factory=set)
    """The new calls that are asked about next."""
    _ends: asyncio.Task[Mapping[str, str]] | None = None
    """The answer to that question, to be."""

    async def find(self, call_sid: str, *, settled: bool = True) -> Stored | None:
        """Look up a call whose stream is over, once its end is stored or can't come any more; None: not known.

        `settled` False: as it stands, of a call that is being carried on.
        """
        until_s = time.monotonic() + SETTLE_S
        stored: Stored | None = None
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                found = await self.write_behind.ask(lambda store: store.so_far(call_sid), left_s)
            except StoreAway as error:
                _log.warning("store_silent", call_sid=call_sid, why=str(error))
                return stored
            if found is not None:
                call = found.summary
                stored = Stored(call.reason, past_in_store(found))
                if not settled or call.ended_at is not None or await asyncio.to_thread(is_dead, call.owner):
                    return stored
            await asyncio.sleep(LOOK_S)
        return stored

    async def ended(self, call_sid: str) -> str | None:
        """End of the call by the store. One that does not answer soon knows nothing."""
        if self.write_behind.away:
            return None
        self._new.add(call_sid)
        if self._ends is None:
            self._ends = asyncio.create_task(self._ask_together(), name="which new calls are over")
        return (await asyncio.shield(self._ends)).get(call_sid)

    async def _ask_together(self) -> Mapping[str, str]:
        await asyncio.sleep(TOGETHER_S)
        call_sids, self._new, self._ends = self._new, set(), None
        try:
            return await self.write_behind.ask(lambda store: store.ends_of(call_sids), NEW_S)
        except StoreAway as error:
            _log.warning("store_silent", calls=len(call_sids), why=str(error))
            return {}

    def close(self) -> None:
        """Every call is over: nobody waits for what is still asked."""
        if self._ends is not None:
            self._ends.cancel()

    async def claim(self, call_sid: str, nonce: bytes) -> Claim:
        """Use a token. `not_told`: this instance alone decides, since the store is its own or does not answer."""
        if not self.shared:
            return "not_told"
        try:
            won = await self.write_behind.ask(lambda store: store.claim(nonce.hex()), TOKEN_S)
        except StoreAway as error:
            _log.warning("store_silent", call_sid=call_sid, why=str(error))
            return "not_told"
        return "claimed" if won else "spent"

    async def claimed(self, nonce: bytes) -> bool:
        """True once a stream has come with this token, to any instance."""
        try:
            return self.shared and await self.write_behind.ask(lambda store: store.claimed(nonce.hex()), TOKEN_S)
        except StoreAway:
            return False

    async def events(self, call_sid: str, names: Collection[str]) -> list[tuple[str, dict[str, Any]]]:
        """The events of a call with these names, and their details; none when the store does not answer."""
        try:
            return await self.write_behind.ask(lambda store: store.events(call_sid, names), TOKEN_S)
        except StoreAway as error:
            _log.warning("store_silent", call_sid=call_sid, why=str(error))
            return []

    # ---- after a call ----

    def note(self, call_sid: str, name: str, details: Mapping[str, Any]) -> None:
        """Keep an event of a call that is over for us. Its time is not the call's own; told twice, it is one event."""
        told = sha256(msgspec.json.encode((name, details), order="deterministic")).digest()
        number = LATER + int.from_bytes(told[:5], "big")
        self.write_behind.put(EventKept(call_sid, number, 0, name, "info", dict(details)))

    def unanswered(self, call_sid: str, why: str) -> None:
        """Nobody took a call that the bot made."""
        self.write_behind.put(CallAnswered(call_sid, why, first=True))

    def transferred(self, call_sid: str, *, connected: bool = True) -> None:
        """The caller has talked to a person, or hung up before one answered."""
        self.write_behind.put(CallTransferred(call_sid, "transferred" if connected else "caller_hung_up"))
