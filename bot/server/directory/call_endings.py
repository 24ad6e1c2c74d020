"""Ends of calls: entered for all processes, and told to Twilio when it asks what follows a stream."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from bot.observe.guarded import guarded
from bot.server.calls.live_call import LiveCall
from bot.server.calls.past_calls import PastCalls
from bot.server.directory.call_directory import CallDirectory
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.outcomes import ASKED_AFTER, RESUMABLE, Outcome

SETTLE_S = 1.5
"""How long /voice/next waits for a call whose stream has just ended; Twilio itself would wait 15 s."""
SETTLE_LOOK_S = 0.05
AGAIN, AGAIN_S = 5, 1.0
"""How often, and how soon, the end of a call is entered again into a registry that could not be written."""

_log = structlog.get_logger()


@dataclass
class CallEndings:
    """How the calls of this process ended, or one of another process of which Twilio asks here."""

    directory: CallDirectory
    registry: CallRegistry
    pasts: PastCalls
    _unentered: dict[str, LiveCall] = field(default_factory=dict)
    """Calls whose end the registry has yet to take."""

    def enter(self, live: LiveCall) -> bool:
        """Whether the registry took the end. A disk that is full, say, must not keep the rest of an end away."""
        entered = False
        with guarded(call_sid=live.call_sid):
            try:
                self._enter(live)
                entered = True
            except sqlite3.Error as error:
                _log.warning("registry_failed", call_sid=live.call_sid, why=str(error))
        return entered

    def _enter(self, live: LiveCall) -> None:
        outcome = live.outcome
        if outcome is not None:
            asks = outcome in ASKED_AFTER and (live.bridge.attached or outcome == "drained")
            self.registry.end(live.call_sid, outcome, asks=asks, own=True)
        elif not live.played_again and not self.registry.known(live.call_sid).claimed:
            self.registry.end(live.call_sid, None)

    async def enter_later(self, live: LiveCall) -> None:
        """Until the registry takes the end, or the call is carried on: then it has not ended."""
        self._unentered[live.call_sid] = live
        for _ in range(AGAIN):
            await asyncio.sleep(AGAIN_S)
            if self._unentered.get(live.call_sid) is not live:
                return
            if self.enter(live):
                break
        del self._unentered[live.call_sid]

    def carried_on(self, call_sid: str) -> None:
        """The call goes on here: what is known of its end is void."""
        self._unentered.pop(call_sid, None)
        self.registry.reopen(call_sid)

    def caller_gone(self, call_sid: str) -> None:
        """Twilio says that the caller is gone: the call is over here too, and nothing carries it on."""
        self.pasts.drop(call_sid)
        live = self.directory.find(call_sid)
        late = self._unentered.get(call_sid)
        if live is not None:
            live.over = True
            live.bridge.shutdown("caller_hung_up")
        elif late is not None:  # what is entered again says so too
            late.over = True
            self.enter(late)
        else:
            known = self.registry.known(call_sid)
            if known.outcome in RESUMABLE or (known.outcome is None and (known.claimed or known.owner is not None)):
                self.registry.end(call_sid, "caller_hung_up")

    async def outcome(self, call_sid: str) -> Outcome | None:
        """How the call ended whose stream is over or never came. A stream that has just gone is waited for a little.

        One that still seems to be there after that is not: Twilio knows best.
        """
        live = self.directory.find(call_sid)
        if live is not None:
            return await _settled(live)
        late = self._unentered.get(call_sid)
        if late is not None:
            return late.outcome
        if self.registry.known(call_sid).owner is not None:  # its session's process will see this
            self.registry.end(call_sid, "line_lost")
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while self._goes_on(call_sid):  # noqa: ASYNC110  what another process does sets no event here
                    await asyncio.sleep(SETTLE_LOOK_S)
        return self.registry.known(call_sid).outcome

    def _goes_on(self, call_sid: str) -> bool:
        known = self.registry.known(call_sid)
        return known.claimed and known.outcome is None


async def _settled(live: LiveCall) -> Outcome | None:
    if live.bridge.attached:
        await live.bridge.over(SETTLE_S)
    if live.bridge.call.ended is None:
        live.bridge.shutdown("line_lost")
        await live.bridge.over(SETTLE_S)
    if live.outcome in RESUMABLE:  # it is remembered once its sockets are closed
        await asyncio.wait([live.task], timeout=SETTLE_S)
    return live.outcome
