"""The calls of this process: dialled when the webhook arrives, claimed by the stream, counted until they are over."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import cast, get_args

import structlog

from bot.call.outputs import EndReason
from bot.call.rules.spend_cap import ALL_SPENT, level
from bot.call.states import State
from bot.config import Settings
from bot.realtime.addresses import Addresses
from bot.realtime.connection import Endpoint
from bot.records.recorder import Recorder
from bot.server.beat import Beat
from bot.server.bridge import Bridge
from bot.server.call_files import call_files
from bot.server.call_settings import call_settings
from bot.server.day import LOOK_S as DAY_LOOK_S
from bot.server.day import Day
from bot.server.guarded import guarded
from bot.server.over import CallsOver, Outcome
from bot.server.past import NOBODY, Parties, Past, carrying_on, past_of
from bot.server.quota import quota_of, storeless_hash
from bot.server.registry import CallRegistry, Entry, MemoryRegistry
from bot.server.rounds import Rounds
from bot.server.shelf import Shelf
from bot.server.walls import Load
from bot.server.warm import WarmPool
from bot.twilio.token import NONCE_BYTES, BadToken, StreamToken, open_token, seal, stream_keys

SETTLE_S = 1.5
"""How long /voice/next waits for a call whose stream has just ended; Twilio itself would wait 15 s."""
SETTLE_LOOK_S = 0.05
PAUSE_LOOK_S = 0.05
LOOK_S = 0.25
"""How often a session that waits for its stream looks whether that has come in another process."""
LOOK_LIVE_S = 1.0
"""How often a call with a stream looks whether another process was told that it is over."""
RESUMABLE: frozenset[Outcome] = frozenset({"line_lost", "drained", "stopped"})
"""Ends after which the call is carried on if the caller is still there."""
BOUNDS: frozenset[Outcome] = frozenset({"spend_limit", "time_limit", "idle"})
"""Ends that the bot says goodbye before; where it could not, a sentence follows."""
FINAL = frozenset(get_args(EndReason)) - RESUMABLE
"""Ends after which nothing carries the call on."""
AGAIN, AGAIN_S = 5, 1.0
"""How often, and how soon, the end of a call is entered again into a registry that could not be written."""
PAST_S = 60.0
"""How long a process knows the past of a call that ended so; later the store does."""
ASKED_AFTER = frozenset(
    {
        *("bot_hung_up", "idle", "time_limit", "spend_limit"),
        *("model_unavailable", "internal_error", "drained", "refused", "line_lost"),
    }
)
"""Ends after which Twilio asks what is next: the stream was closed by us, or broke."""

_log = structlog.get_logger()


@dataclass(eq=False)
class LiveCall:
    """One call and the task it runs in."""

    call_sid: str
    bridge: Bridge
    past: Past
    parties: Parties = NOBODY
    offset_us: int = 0
    """How long the call had been going on when this leg of it began."""
    nonce: bytes = b""
    """That of the newest token for its stream."""
    over: bool = False
    """Whether Twilio has said that the caller is gone."""
    played_again: bool = False
    """Whether the call is none: it was over by the store, and somebody has played its webhook again."""
    task: asyncio.Task[None] = field(init=False)

    @property
    def used_nano_usd(self) -> int:
        """What this leg of the call has cost, without the line."""
        spending = self.bridge.call.spending
        return spending.model_nano_usd + spending.transcription_nano_usd

    @property
    def line_nano_usd(self) -> int:
        """What the call's line has cost, all legs together: counted with the first."""
        return 0 if self.past.leg else self.bridge.call.spending.line_nano_usd

    def outcome(self, reason: EndReason) -> Outcome:
        """What is left to say and do depends on this. Who heard why the call was ended was hung up on by the bot."""
        if reason == "caller_hung_up" and not self.over:
            return "stopped"
        return "bot_hung_up" if reason in BOUNDS and self.bridge.call.farewell.heard else reason

    @property
    def in_pause(self) -> bool:
        """Whether nobody speaks and nothing is expected, as far as the bot knows."""
        return self.bridge.call.state is State.LISTENING


class LiveCalls:
    """Starts calls, finds them, waits for them."""

    def __init__(self, settings: Settings, registry: CallRegistry | None = None) -> None:
        self.settings = settings
        self.registry: CallRegistry = registry or MemoryRegistry(time.time)
        self.hash_number = storeless_hash(settings)
        """What limits by caller are counted by; with a call store it is the store's."""
        self.load = Load(settings.max_lag_ms)
        """How late the loop is, as the meter measures it."""
        self.draining = False
        self.leaving = False
        """Whether calls are being ended, and what Twilio asks after each is still answered."""
        self.rounds = Rounds()
        self.ended = 0
        """Calls that are over, or go on elsewhere."""
        self.missed = 0
        """Sessions dialled here whose stream came in another process."""
        self.on_start: list[Callable[[LiveCall], None]] = []
        """Called with each call as it begins."""
        self.on_end: list[Callable[[LiveCall, EndReason | None], None]] = []
        """Called with each call whose sockets are closed, and how it ended: None when it goes on elsewhere."""
        self.on_played_again: list[Callable[[LiveCall], None]] = []
        """Called with each call that began here although it was over."""
        self._ended_nano_usd = 0
        """What the calls that are over have spent in this process."""
        self.on_daily_spend: list[Callable[[int], None]] = []
        """Called every few seconds with what was spent today."""
        self.addresses = Addresses.of(settings.openai_realtime_url)
        self._endpoint = Endpoint(
            settings.openai_realtime_url,
            settings.openai_realtime_model,
            settings.openai_api_key.get_secret_value(),
            self.addresses,
            settings.dialect,
        )
        self.template = call_settings(settings, "", "")
        """The settings of a call, but for what names it."""
        self.pool = WarmPool(self._endpoint, self.template, pool_share(settings))
        self._beat = Beat()
        self._calls: dict[str, LiveCall] = {}
        self._over_before = CallsOver()
        """Those that were over before the server started; as line_lost, where something may yet follow."""
        self._day = Day(self._own_nano_usd)
        self._pasts: dict[str, tuple[float, Past]] = {}
        """Each with when it was remembered, the latest last."""
        self._unentered: dict[str, LiveCall] = {}
        """Calls whose end the registry has yet to take."""
        self.shelf: Shelf | None = None
        """The way to the store, once there is one."""
        self.closing = False
        """Whether the calls that are left are being ended, for another process to carry them on."""
        self._keys = stream_keys(settings.auth_tokens)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(tuple(self._calls.values()))

    @property
    def full(self) -> bool:
        """Whether one more call would hear that there is no room."""
        return self.load.high or self.registry.live() >= self.settings.max_calls

    def find(self, call_sid: str) -> LiveCall | None:
        return self._calls.get(call_sid)

    # ---- the webhook ----

    def over_before(self, call_sid: str, reason: str, ended_s: float) -> None:
        """The call was over before the server started. Told in the order of their ends."""
        self._over_before.add(call_sid, cast("EndReason", reason) if reason in FINAL else "line_lost", ended_s)

    def ended_before(self, call_sid: str) -> bool:
        """Whether a call that is new to the registry was over before the server started."""
        outcome = self._over_before.outcome(call_sid)
        if outcome is not None:
            self._is_none(call_sid, outcome)
        return outcome is not None

    def _is_none(self, call_sid: str, reason: str) -> None:
        """The call had ended so, and takes no place."""
        if reason in FINAL:
            self.registry.end(call_sid, cast("EndReason", reason))
        else:  # it may yet be carried on, by those who may ask for that
            self.registry.forget(call_sid)

    async def _ask_beside(self, live: LiveCall, shelf: Shelf) -> None:
        """Let go of a call that is over by the store, unless its stream is here: then Twilio knows better."""
        reason = await shelf.ended(live.call_sid)
        if reason is None or live.bridge.attached:
            return
        live.played_again = True
        self._is_none(live.call_sid, reason)
        live.bridge.release()
        for tell in self.on_played_again:
            with guarded(call_sid=live.call_sid):
                tell(live)

    def turns_away(self, call_sid: str) -> bool:
        """Whether the day's money is used up, and this is no call that was let in before."""
        known, cap = self.registry, self.template.money.daily_cap
        return (
            bool(cap)
            and level(self.spent_today_nano_usd, cap) >= ALL_SPENT
            and self.find(call_sid) is None
            and known.owner(call_sid) is None
            and not known.claimed(call_sid)
            and known.outcome(call_sid) is None
        )

    def enter(self, call_sid: str, caller: str = "") -> Entry:
        """What the webhook of this call finds; a process that drains, or is too busy, lets no new one in."""
        limit = 0 if self.draining or self.load.high else self.settings.max_calls
        return self.registry.enter(call_sid, limit, quota_of(self.settings, caller, self.hash_number))

    def start(
        self, call_sid: str, parties: Parties = NOBODY, past: Past | None = None, *, new: bool = False
    ) -> LiveCall:
        """Begin a call, or carry on one that has a `past`: a session is dialled at once, or an idle one taken.

        `new`: nothing is known of it here, and the store is asked beside.
        """
        now_s = time.time()
        past = past or Past(now_s)
        try:
            live = LiveCall(call_sid, self._bridge(call_sid, past, now_s), past, parties)
        except BaseException:
            self.registry.end(call_sid, "internal_error")
            raise
        live.offset_us = max(0, round((now_s - past.began_s) * 1_000_000)) if past.leg else 0
        self._calls[call_sid] = live
        live.task = asyncio.create_task(self._run(live, new=new), name=f"call {call_sid}")
        for tell in self.on_start:
            with guarded(call_sid=call_sid):
                tell(live)
        if self.template.money.daily_cap:  # to add it up is work for every call there is
            live.bridge.daily_spend(self.spent_today_nano_usd)
        return live

    def resume(self, call_sid: str, past: Past) -> LiveCall:
        """The call goes on: a session that knows what was said waits for another stream."""
        past = past._replace(leg=past.leg + 1, steady=True)
        self._unentered.pop(call_sid, None)
        self.registry.reopen(call_sid)
        return self.start(call_sid, past.parties, past)

    def past(self, call_sid: str) -> Past | None:
        """What is known here of a call that has ended and may be carried on."""
        known = self._pasts.get(call_sid)
        return None if known is None else known[1]

    def _remember(self, live: LiveCall, reason: EndReason | None) -> None:
        if reason is None or live.outcome(reason) not in RESUMABLE:
            return
        now_s = time.monotonic()
        self._pasts.pop(live.call_sid, None)
        self._pasts[live.call_sid] = now_s, past_of(live.bridge.call, live.past, live.parties, live.bridge.age_s)
        while self._pasts and next(iter(self._pasts.values()))[0] < now_s - PAST_S:
            del self._pasts[next(iter(self._pasts))]

    def _bridge(self, call_sid: str, past: Past, now_s: float) -> Bridge:
        settings = self.settings
        chosen = call_settings(settings, call_sid, settings.twilio_account_sid)
        if past.leg:
            chosen = carrying_on(chosen, past, now_s)
        files = call_files(settings, chosen, call_sid)
        recorder = Recorder(files, call_sid=call_sid) if files else None
        try:
            return Bridge(chosen, self._endpoint, self._beat, recorder=recorder, spare=self.pool.take)
        except BaseException:
            if recorder is not None:
                recorder.close()
            raise

    async def _run(self, live: LiveCall, *, new: bool) -> None:
        alone = not self.registry.shared and (self.shelf is None or not self.shelf.shared)
        beside = [] if alone else [self._look_elsewhere(live)]
        beside += [self._ask_beside(live, self.shelf)] if new and self.shelf is not None else []
        looking = [asyncio.create_task(look) for look in beside]
        try:
            reason = await live.bridge.run()
        finally:
            for look in looking:
                look.cancel()
            current = self.find(live.call_sid) is live
            if current:
                del self._calls[live.call_sid]
            self.ended += 1
        entered = not current or self._entered(live, reason)
        for do in (self._add_up, self._remember, *self.on_end):
            with guarded(call_sid=live.call_sid):
                do(live, reason)
        if not entered:
            await self._enter_later(live, reason)

    def _add_up(self, live: LiveCall, _: EndReason | None) -> None:
        self._ended_nano_usd += live.used_nano_usd + live.line_nano_usd

    async def _enter_later(self, live: LiveCall, reason: EndReason | None) -> None:
        """Until the registry takes the end, or the call is carried on: then it has not ended."""
        self._unentered[live.call_sid] = live
        for _ in range(AGAIN):
            await asyncio.sleep(AGAIN_S)
            if self._unentered.get(live.call_sid) is not live:
                return
            if self._entered(live, reason):
                break
        del self._unentered[live.call_sid]

    def _entered(self, live: LiveCall, reason: EndReason | None) -> bool:
        """Whether the registry took the end. A disk that is full, say, must not keep the rest of an end away."""
        with guarded(call_sid=live.call_sid):
            try:
                self._enter_end(live, reason)
            except sqlite3.Error as error:
                _log.warning("registry_failed", call_sid=live.call_sid, why=str(error))
                return False
            return True
        return False

    def _enter_end(self, live: LiveCall, reason: EndReason | None) -> None:
        if reason is not None:
            asks = reason in ASKED_AFTER and (live.bridge.attached or reason == "drained")
            self.registry.end(live.call_sid, live.outcome(reason), asks=asks, own=True)
        elif not live.played_again and not self.registry.claimed(live.call_sid):
            self.registry.forget(live.call_sid)

    async def _look_elsewhere(self, live: LiveCall) -> None:
        """Let go of a session whose stream has come in another process, or will not come at all."""
        while True:
            await asyncio.sleep(LOOK_LIVE_S if live.bridge.attached else LOOK_S)
            with guarded(call_sid=live.call_sid):
                if await self._is_elsewhere(live):
                    return

    async def _is_elsewhere(self, live: LiveCall) -> bool:
        known = self.registry
        if not live.bridge.attached and (known.claimed(live.call_sid) or await self._claimed_elsewhere(live)):
            self.missed += 1
            live.bridge.release()
        elif (outcome := known.outcome(live.call_sid)) is not None:
            live.over = outcome == "caller_hung_up"
            live.bridge.shutdown("caller_hung_up" if live.over else "line_lost")
        else:
            return False
        return True

    async def _claimed_elsewhere(self, live: LiveCall) -> bool:
        """Whether another instance has the stream; one that came here meanwhile was claimed by us."""
        if self.shelf is None or not live.nonce:
            return False
        nonce = live.nonce
        return await self.shelf.claimed(nonce) and live.nonce == nonce

    # ---- the day's money ----

    @property
    def spent_today_nano_usd(self) -> int:
        """What all instances have spent since midnight UTC; until the store has told, what this process has."""
        return self._day.nano_usd

    def _own_nano_usd(self) -> int:
        """As the store counts: sessions as they are used, lines when their calls end."""
        return self._ended_nano_usd + sum(live.used_nano_usd for live in self)

    def spent_today(self, nano_usd: int, day: date | None = None) -> None:
        """So much has been spent on `day`, UTC, by the store; what is told of yesterday counts no more."""
        self._day.stored(nano_usd, day)
        self._tell_day()

    async def watch_day(self) -> None:
        """Tell the calls now and then, for ever, also while the store tells nothing."""
        while True:
            with guarded():
                self._tell_day()
            await asyncio.sleep(DAY_LOOK_S)

    def _tell_day(self) -> None:
        nano_usd = self._day.nano_usd
        for live in self:
            live.bridge.daily_spend(nano_usd)
        for tell in self.on_daily_spend:
            tell(nano_usd)

    # ---- the stream ----

    def new_token(self, call_sid: str) -> str:
        """A fresh token for the stream of this call; the one before is void."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        self.registry.issue(call_sid, nonce)
        live = self.find(call_sid)
        if live is not None:
            live.nonce = nonce
        return seal(call_sid, int(time.time()), nonce, self._keys[0], leg=0 if live is None else live.past.leg)

    def opened(self, token: str) -> StreamToken:
        """What a token says. Raises BadToken when it is not ours or too old."""
        return open_token(token, int(time.time()), self._keys)

    async def redeem(self, opened: StreamToken) -> None:
        """Spend a token. Raises BadToken when it is spent or void."""
        live = self.find(opened.call_sid)
        ours = live is not None and live.nonce == opened.nonce
        if live is not None and ours:
            live.nonce = b""  # from here on it is no sign of a stream elsewhere
        claim = "not_told" if self.shelf is None else await self.shelf.claim(opened.call_sid, opened.nonce)
        if claim == "spent":
            if live is not None and ours:
                live.nonce = opened.nonce
            raise BadToken("spent")
        if claim == "claimed" and opened.resumed and self.registry.outcome(opened.call_sid) is not None:
            self.registry.reopen(opened.call_sid)  # it ended here, and another instance carries it on
        if not self.registry.claim(opened.call_sid, opened.nonce):
            raise BadToken("spent")

    # ---- what comes after ----

    def is_over(self, call_sid: str) -> None:
        """Twilio says that the caller is gone: the call is over here too, and nothing carries it on."""
        self._pasts.pop(call_sid, None)
        live, known = self.find(call_sid), self.registry
        if live is not None:
            live.over = True
            live.bridge.shutdown("caller_hung_up")
            return
        outcome = known.outcome(call_sid)
        if outcome in RESUMABLE or (outcome is None and (known.claimed(call_sid) or known.owner(call_sid) is not None)):
            known.end(call_sid, "caller_hung_up")

    async def outcome(self, call_sid: str) -> Outcome | None:
        """How the call ended whose stream is over or never came. A stream that has just gone is waited for a little.

        One that still seems to be there after that is not: Twilio knows best.
        """
        live = self.find(call_sid)
        if live is not None:
            if live.bridge.attached:
                await live.bridge.over(SETTLE_S)
            if live.bridge.call.ended is None:
                live.bridge.shutdown("line_lost")
                await live.bridge.over(SETTLE_S)
            ended = live.bridge.call.ended
            if ended is not None and live.outcome(ended) in RESUMABLE:  # it is remembered once its sockets are closed
                await asyncio.wait([live.task], timeout=SETTLE_S)
            return None if ended is None else live.outcome(ended)
        if self.registry.owner(call_sid) is not None:  # the session waits in another process, which will see this
            self.registry.end(call_sid, "line_lost")
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while self.registry.claimed(call_sid) and self.registry.outcome(call_sid) is None:  # noqa: ASYNC110
                    await asyncio.sleep(SETTLE_LOOK_S)  # what another process does sets no event here
        return self.registry.outcome(call_sid)

    async def hand_over(self) -> None:
        """End each call in a pause of its conversation, for another process to carry it on. Waits for all of them."""
        self.draining = self.closing = True
        while self._calls:
            for live in self:
                if live.in_pause:
                    live.bridge.shutdown("drained")
            await asyncio.sleep(PAUSE_LOOK_S)

    async def close(self) -> None:
        """End every call and wait for it."""
        self.draining = self.closing = True
        calls = list(self._calls.values())
        for live in calls:
            live.bridge.shutdown("drained")
        await asyncio.gather(*(live.task for live in calls), return_exceptions=True)
        if self.shelf is not None:
            self.shelf.close()


def pool_share(settings: Settings) -> int:
    """One process's part of the instance's idle sessions."""
    return -(-settings.warm_sessions // settings.web_concurrency)
