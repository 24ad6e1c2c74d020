"""Ends of calls: entered for all processes, and told to Twilio when it asks what follows a stream."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from bot.call.outputs import EndReason
from bot.observe.guarded import guarded
from bot.server.calls.live_call import LiveCall
from bot.server.directory.call_directory import CallDirectory
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.outcomes import ASKED_AFTER, RESUMABLE, Outcome
from bot.server.shared.resumption import Past, past_of
from bot.server.shared.transfers import Transfers

SETTLE_S = 1.5
"""Seconds that /voice/next waits for a call whose stream has just ended; Twilio itself would wait 15 s."""
SETTLE_LOOK_S = 0.05
AGAIN, AGAIN_S = 5, 1.0
"""Times, and seconds between them, that an end is entered again into a registry that could not be written."""
PAST_S = 180.0
"""Seconds for which a process remembers a call that may be carried on, also while a person is rung; later the store
does."""

_log = structlog.get_logger()


class PastCalls:
    """Calls that ended here a moment ago and may be carried on, each with the time of its end, the latest last."""

    def __init__(self) -> None:
        self._pasts: dict[str, tuple[float, Past]] = {}

    def find(self, call_sid: str) -> Past | None:
        return self._pasts.get(call_sid, (0.0, None))[1]

    def drop(self, call_sid: str) -> None:
        self._pasts.pop(call_sid, None)

    def put(self, call_sid: str, past: Past) -> None:
        """A call that has not begun here yet may be carried on all the same, as if it had."""
        self.drop(call_sid)
        self._pasts[call_sid] = time.monotonic(), past

    def remember(self, live: LiveCall, _: EndReason | None = None) -> None:
        """The call has ended, or goes on elsewhere."""
        if live.outcome not in RESUMABLE:
            return
        now_s = time.monotonic()
        self.drop(live.call_sid)
        self._pasts[live.call_sid] = now_s, past_of(live.bridge.call, live.past, live.parties, live.bridge.age_s)
        while self._pasts and next(iter(self._pasts.values()))[0] < now_s - PAST_S:
            del self._pasts[next(iter(self._pasts))]


@dataclass
class CallEndings:
    """Ends of the calls of this process, or of one of another process of which Twilio asks here."""

    directory: CallDirectory
    registry: CallRegistry
    past_calls: PastCalls
    transfers: Transfers
    _unentered: dict[str, LiveCall] = field(default_factory=dict)
    """Calls whose end the registry has yet to take."""

    def enter(self, live: LiveCall) -> bool:
        """Tell the registry; True if it took the end. A full disk, say, must not keep the rest of an end away."""
        entered = False
        with guarded(call_sid=live.call_sid):
            try:
                self._enter(live)
                entered = True
            except sqlite3.Error as error:
                _log.warning("registry_failed", call_sid=live.call_sid, why=str(error))
        return entered

    def _enter(self, live: LiveCall) -> None:
        outcome, transfer = live.outcome, live.bridge.transfer
        if transfer is not None:
            self.transfers.begin(live.call_sid, live.past.leg, transfer.destination, transfer.summary)
        if outcome is not None:
            asks = outcome in ASKED_AFTER and (live.bridge.attached or outcome == "drained")
            self.registry.end(live.call_sid, outcome, asks=asks, own=True)
        elif not live.played_again and not self.registry.known(live.call_sid).claimed:
            self.registry.end(live.call_sid, None)

    async def enter_later(self, live: LiveCall) -> None:
        """Try again until the registry takes the end, or the call is carried on: then it has not ended."""
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
        self.past_calls.drop(call_sid)
        live = self.directory.find(call_sid)
        late = self._unentered.get(call_sid)
        if live is not None:
            live.caller_gone = True
            live.bridge.shutdown("caller_hung_up")
        elif late is not None:  # what is entered again says so too
            late.caller_gone = True
            self.enter(late)
        else:
            known = self.registry.known(call_sid)
            if known.outcome in RESUMABLE or (known.outcome is None and (known.claimed or known.owner is not None)):
                self.registry.end(call_sid, "caller_hung_up")

    async def outcome(self, call_sid: str) -> Outcome | None:
        """End of a call whose stream is over or never came. A stream that has just gone is waited for a little.

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
