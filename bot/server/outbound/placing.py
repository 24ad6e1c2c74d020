"""The placing of a call: the session is ready first, then Twilio is asked to ring, and the call begins.

A call that Twilio refuses leaves nothing behind. Where it is not known whether Twilio took it, the session waits for
the callee to pick up, and the same request is never carried out twice.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog

from bot.call.outputs import EndReason
from bot.config import Settings
from bot.observe.guarded import guarded
from bot.realtime.connection import ConnectError
from bot.server.calls.live_call import LiveCall
from bot.server.calls.sessions.warm_pool import IdleSession
from bot.server.directory.live_calls import LiveCalls
from bot.server.outbound.call_request import CallRequest
from bot.server.outbound.dial_desk import DialDesk
from bot.server.outbound.not_placed import NotPlaced
from bot.server.shared.resumption import Parties, Past
from bot.store.sql.dial_book import Dial
from bot.twilio.rest import TIMEOUT_S as REST_S
from bot.twilio.rest import RestError, TwilioRest

PURPOSE = "You are making this call: you have rung the person you speak with. What the call is for:\n\n"
NO_LIMIT = 1_000_000
RINGING = frozenset({"queued", "initiated", "ringing"})
LATE_S = 5.0
"""Seconds beyond the ringing after which nobody picks up any more."""
MORE_THAN_THE_CALL_S = 120
"""Seconds beyond BOT_MAX_CALL_SECONDS after which Twilio itself ends a call that nothing else has."""

_log = structlog.get_logger()
CallbackUrl = Callable[[str], str]
"""Makes the absolute URL of a webhook of ours from its path."""


class Placed(NamedTuple):
    """A call that Twilio rings. `again`: for an earlier request with the same key."""

    call_sid: str
    again: bool = False


@dataclass(eq=False)
class Pending:
    """A call that is being placed. `dial_id` names it until Twilio has."""

    dial_id: str
    key: str
    parties: Parties
    settings: Settings
    session: IdleSession
    live: LiveCall | None = None
    origin_ns: int = field(default_factory=time.monotonic_ns)


class OutgoingCalls:
    """The calls of this process that the bot makes, until they are picked up."""

    def __init__(self, calls: LiveCalls, rest: TwilioRest, dial_desk: DialDesk) -> None:
        self._calls = calls
        self._rest = rest
        self._dial_desk = dial_desk
        self._pending: dict[str, Pending] = {}
        self._placing: set[asyncio.Task[Any]] = set()
        self._later: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        calls.directory.on_end.append(self._ended)

    async def place(self, request: CallRequest, key: str, callback_url: CallbackUrl) -> Placed:
        """Place the call, or tell of the one that an earlier request placed. Raises NotPlaced."""
        task = asyncio.current_task()
        assert task is not None
        self._placing.add(task)
        try:
            return await self._placed(request, key, callback_url)
        finally:
            self._placing.discard(task)

    async def _placed(self, request: CallRequest, key: str, callback_url: CallbackUrl) -> Placed:
        if (before := await self._dial_desk.known(key)) is not None:
            return _repeated(before, request)
        settings = self._dial_desk.settings_of(request)
        self._dial_desk.judge(request, settings)
        if (before := await self._dial_desk.enter(key, request, settings)) is not None:
            return _repeated(before, request)
        dial_id = secrets.token_hex(16)
        try:
            return await self._place(request, key, dial_id, settings, callback_url)
        except NotPlaced as refusal:
            if refusal.code != "twilio_silent":
                await self._dial_desk.release(key)
            raise
        except BaseException:
            self._calls.registry.end(dial_id, None)
            await self._dial_desk.release(key)
            raise

    async def _place(
        self, request: CallRequest, key: str, dial_id: str, settings: Settings, callback_url: CallbackUrl
    ) -> Placed:
        calls = self._calls
        if calls.admission.enter(dial_id, settings=settings) != "new":
            raise NotPlaced("full", "there are as many calls as there may be (BOT_MAX_CALLS)")
        chosen = settings.changed(_own(request, settings))
        try:
            session = await calls.starter.warm(chosen)
        except ConnectError as error:
            calls.registry.end(dial_id, None)
            why = f"nobody was dialled, since the model's session could not be opened ({error.failure.kind})"
            raise NotPlaced("model_unavailable", why) from None
        if calls.departure.ending:
            calls.registry.end(dial_id, None)
            await session.connection.close()
            raise NotPlaced("draining", "this server is being stopped; ask again in a moment")
        pending = Pending(dial_id, key, Parties(settings.dial_from, request.to), chosen, session)
        self._pending[dial_id] = pending
        try:
            call_sid = await self._ring(pending, callback_url)
        except NotPlaced as refusal:
            if refusal.code == "twilio_silent":
                self._do(self._wait_for_pick_up(pending), self._waiting)
            else:
                await self._drop(pending)
            raise
        except BaseException:
            await self._drop(pending)
            raise
        try:
            self._begin(pending, call_sid)
        finally:
            await self._dial_desk.settle(key, "placed", call_sid)
        return Placed(call_sid)

    async def _ring(self, pending: Pending, callback_url: CallbackUrl) -> str:
        """Ask Twilio to ring. Gives the call's SID."""
        settings, query = pending.settings, f"?dial={pending.dial_id}"
        detects = settings.dial_detection
        try:
            made = await self._rest.create_call(
                to=pending.parties.called,
                from_=pending.parties.caller,
                url=callback_url(f"/voice/outgoing{query}"),
                timeout_s=settings.dial_ring_s,
                time_limit_s=max(60, int(settings.max_call_s) + MORE_THAN_THE_CALL_S),
                status_callback=callback_url(f"/voice/status{query}"),
                status_callback_events=["initiated", "ringing", "answered", "completed"],
                machine_detection="DetectMessageEnd" if detects else None,
                async_amd=True if detects else None,
                async_amd_callback=callback_url(f"/voice/answered{query}") if detects else None,
            )
        except RestError as error:
            if error.doubtful:
                await self._dial_desk.settle(pending.key, "doubtful")
                why = f"{error.sentence}: the call may ring all the same, so this key is used up"
                raise NotPlaced("twilio_silent", why) from None
            raise NotPlaced("twilio_refused", error.sentence, twilio=error.code) from None
        except BaseException:  # the process is stopped, say, in the middle of it
            await self._dial_desk.settle(pending.key, "doubtful")
            raise
        return made.sid

    # ---- it begins ----

    def picked_up(self, dial_id: str, call_sid: str) -> LiveCall | None:
        """The callee has picked up a call of this process, perhaps before Twilio has told us its SID."""
        pending = self._pending.get(dial_id)
        if pending is None:
            return None
        if pending.live is None:
            self._do(self._dial_desk.settle(pending.key, "placed", call_sid), self._later)
        return self._begin(pending, call_sid)

    def _begin(self, pending: Pending, call_sid: str) -> LiveCall:
        """The call has a SID: from here on it is like any other."""
        calls = self._calls
        self._pending.pop(pending.dial_id, None)
        if pending.live is None:
            calls.registry.enter(call_sid, NO_LIMIT)
            calls.registry.end(pending.dial_id, None)
            pending.live = calls.starter.start(
                call_sid,
                pending.parties,
                Past(time.time(), outgoing=True),
                settings=pending.settings,
                idle=pending.session,
                origin_ns=pending.origin_ns,
            )
            profile = {"profile": pending.settings.profile} if pending.settings.profile else {}
            _log.info("call_placed", call_sid=call_sid, calls=len(calls.directory), **profile)
        return pending.live

    async def _wait_for_pick_up(self, pending: Pending) -> None:
        """Twilio did not answer: the call may ring for as long as it may."""
        await asyncio.sleep(pending.settings.dial_ring_s + LATE_S)
        if pending.live is None:
            await self._drop(pending)

    async def _drop(self, pending: Pending) -> None:
        """There is no call."""
        self._pending.pop(pending.dial_id, None)
        self._calls.registry.end(pending.dial_id, None)
        await pending.session.connection.close()

    # ---- it ends before anybody picks up ----

    def _ended(self, live: LiveCall, reason: EndReason | None) -> None:
        """A call that ends here while it still rings is called off, unless another process answers it."""
        rings = live.past.outgoing and not live.bridge.attached and not live.caller_gone
        if not rings or reason is None or (reason == "drained" and self._calls.registry.processes.others_accept()):
            return
        self._do(self._call_off(live.call_sid), self._later)

    async def _call_off(self, call_sid: str) -> None:
        """End it, unless it was picked up meanwhile: then another instance has it."""
        with guarded(call_sid=call_sid):
            try:
                if (await self._rest.fetch_call(call_sid)).status in RINGING:
                    await self._rest.hang_up(call_sid)
            except RestError as error:
                _log.warning("call_not_called_off", call_sid=call_sid, why=error.sentence)

    def _do(self, work: Coroutine[None, None, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)

    async def close(self) -> None:
        """Every call is over: finish what is left to do about them.

        Twilio may be asked for one right now: it is waited for, and ends like any that rings while a process leaves.
        """
        if self._placing:
            await asyncio.wait(self._placing, timeout=REST_S)
            await self._calls.departure.close()
        for pending in list(self._pending.values()):
            await self._drop(pending)
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._later, *self._waiting, return_exceptions=True)


def _own(request: CallRequest, settings: Settings) -> dict[str, str]:
    """The settings of this call alone."""
    changes = request.changes
    if request.purpose.strip():
        changes["BOT_INSTRUCTIONS"] = f"{settings.instructions}\n\n{PURPOSE}{request.purpose.strip()}"
    return changes


def _repeated(before: Dial, request: CallRequest) -> Placed:
    """The answer to a request whose key is known."""
    if before.digest != request.digest:
        raise NotPlaced("key_reused", "the Idempotency-Key was used for another request; take a new one for each call")
    if before.state == "placed":
        return Placed(before.call_sid, again=True)
    if before.state == "placing":
        raise NotPlaced("being_placed", "the call of this Idempotency-Key is being placed; ask again in a moment")
    why = "it is not known whether Twilio placed the call of this Idempotency-Key; look there, then take a new key"
    raise NotPlaced("doubtful", why)
