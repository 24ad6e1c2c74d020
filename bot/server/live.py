"""The calls of this process: dialled when the webhook arrives, claimed by the stream, counted until they are over."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.config import Settings
from bot.realtime.connection import Endpoint
from bot.records.recorder import Recorder, fixture_path
from bot.server.bridge import Bridge
from bot.server.call_settings import call_settings
from bot.server.registry import CallRegistry, Entry, MemoryRegistry
from bot.server.warm import WarmPool
from bot.twilio.token import NONCE_BYTES, BadToken, StreamToken, open_token, seal, stream_keys

LOOK_S = 0.25
"""How often a session that waits for its stream looks whether that has come in another process."""
BOT_ENDS = frozenset({"bot_hung_up", "idle", "time_limit", "model_unavailable", "internal_error", "drained", "refused"})
"""Ends after which Twilio asks what is next: the stream was closed by us."""


@dataclass(eq=False)
class LiveCall:
    """One call and the task it runs in."""

    call_sid: str
    bridge: Bridge
    task: asyncio.Task[None] = field(init=False)


class LiveCalls:
    """Starts calls, finds them, waits for them."""

    def __init__(self, settings: Settings, registry: CallRegistry | None = None) -> None:
        self.settings = settings
        self.registry: CallRegistry = registry or MemoryRegistry(time.time)
        self.draining = False
        self.missed = 0
        """Sessions dialled here whose stream came in another process."""
        self.on_start: list[Callable[[LiveCall], None]] = []
        """Called with each call as it begins."""
        self._endpoint = Endpoint(
            settings.openai_realtime_url, settings.openai_realtime_model, settings.openai_api_key.get_secret_value()
        )
        self.pool = WarmPool(self._endpoint, call_settings(settings, "", ""), pool_share(settings))
        self._calls: dict[str, LiveCall] = {}
        self._keys = stream_keys(settings.auth_tokens)
        self._empty = asyncio.Event()
        self._empty.set()
        self._unasked: set[str] = set()
        self._followed_up = asyncio.Event()
        self._followed_up.set()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def full(self) -> bool:
        return self.registry.live() >= self.settings.max_calls

    def find(self, call_sid: str) -> LiveCall | None:
        return self._calls.get(call_sid)

    # ---- the webhook ----

    def enter(self, call_sid: str) -> Entry:
        """What the webhook of this call finds; a draining process lets no new one in."""
        return self.registry.enter(call_sid, 0 if self.draining else self.settings.max_calls)

    def start(self, call_sid: str) -> LiveCall:
        """Begin a call: its session is dialled at once, or taken from the idle ones."""
        live = LiveCall(call_sid, self._bridge(call_sid))
        self._calls[call_sid] = live
        self._empty.clear()
        for tell in self.on_start:
            tell(live)
        live.task = asyncio.create_task(self._run(live), name=f"call {call_sid}")
        return live

    def _bridge(self, call_sid: str) -> Bridge:
        settings = self.settings
        chosen = call_settings(settings, call_sid, settings.twilio_account_sid)
        recorder = None
        if "fixture" in settings.record:
            recorder = Recorder(chosen, fixture_path(settings.record_dir, call_sid), settings.secrets)
        return Bridge(chosen, self._endpoint, recorder, self.pool.take())

    async def _run(self, live: LiveCall) -> None:
        looking = asyncio.create_task(self._look_elsewhere(live)) if self.registry.shared else None
        try:
            reason = await live.bridge.run()
        except Exception:  # noqa: BLE001  the task of a call ends here; the bridge has logged what happened
            reason = "internal_error"
        finally:
            if looking is not None:
                looking.cancel()
            del self._calls[live.call_sid]
            if not self._calls:
                self._empty.set()
        if reason is not None:
            self.registry.end(live.call_sid, reason)
            if reason in BOT_ENDS and live.bridge.attached:
                self._unasked.add(live.call_sid)
                self._followed_up.clear()

    async def _look_elsewhere(self, live: LiveCall) -> None:
        while not live.bridge.attached:
            await asyncio.sleep(LOOK_S)
            if not live.bridge.attached and self.registry.claimed(live.call_sid):
                self.missed += 1
                live.bridge.release()
                return

    # ---- the stream ----

    def new_token(self, call_sid: str) -> str:
        """A fresh token for the stream of this call; the one before is void."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        self.registry.issue(call_sid, nonce)
        return seal(call_sid, int(time.time()), nonce, self._keys[0])

    def opened(self, token: str) -> StreamToken:
        """What a token says. Raises BadToken when it is not ours or too old."""
        return open_token(token, int(time.time()), self._keys)

    def redeem(self, opened: StreamToken) -> None:
        """Spend a token. Raises BadToken when it is spent or void."""
        if not self.registry.claim(opened.call_sid, opened.nonce):
            raise BadToken("spent")

    # ---- what comes after ----

    def followed_up(self, call_sid: str) -> None:
        """Twilio has asked what comes after the stream of this call."""
        self._unasked.discard(call_sid)
        if not self._unasked:
            self._followed_up.set()

    async def wait_empty(self) -> None:
        """Until no call is left."""
        await self._empty.wait()

    async def wait_followed_up(self) -> None:
        """Until Twilio has asked /voice/next for every call that we ended."""
        await self._followed_up.wait()

    async def close(self) -> None:
        """End every call and wait for it."""
        self.draining = True
        calls = list(self._calls.values())
        for live in calls:
            live.bridge.shutdown("drained")
        await asyncio.gather(*(live.task for live in calls), return_exceptions=True)


def pool_share(settings: Settings) -> int:
    """One process's part of the instance's idle sessions."""
    return -(-settings.warm_sessions // settings.web_concurrency)
