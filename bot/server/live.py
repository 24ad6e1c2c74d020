"""The calls of this process: dialled when the webhook arrives, claimed by the stream, counted until they are over."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from bot.call.outputs import EndReason
from bot.config import Settings
from bot.realtime.connection import Endpoint
from bot.records.recorder import Recorder, fixture_path
from bot.server.bridge import Bridge
from bot.server.call_settings import call_settings
from bot.server.registry import CallRegistry, Entry, MemoryRegistry
from bot.server.warm import WarmPool
from bot.twilio.token import NONCE_BYTES, BadToken, StreamToken, open_token, seal, stream_keys

SETTLE_S = 1.5
"""How long /voice/next waits for a call whose stream has just ended; Twilio itself would wait 15 s."""
SETTLE_LOOK_S = 0.05
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
        self.ended = 0
        """Calls that are over, or go on elsewhere."""
        self.missed = 0
        """Sessions dialled here whose stream came in another process."""
        self.on_start: list[Callable[[LiveCall], None]] = []
        """Called with each call as it begins."""
        self.on_end: list[Callable[[LiveCall, EndReason | None], None]] = []
        """Called with each call whose sockets are closed, and how it ended: None when it goes on elsewhere."""
        self._endpoint = Endpoint(
            settings.openai_realtime_url, settings.openai_realtime_model, settings.openai_api_key.get_secret_value()
        )
        self.pool = WarmPool(self._endpoint, call_settings(settings, "", ""), pool_share(settings))
        self._calls: dict[str, LiveCall] = {}
        self._keys = stream_keys(settings.auth_tokens)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(tuple(self._calls.values()))

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
        reason: EndReason | None
        try:
            reason = await live.bridge.run()
        except Exception:  # noqa: BLE001  the task of a call ends here; the bridge has logged what happened
            reason = "internal_error"
        finally:
            if looking is not None:
                looking.cancel()
            del self._calls[live.call_sid]
            self.ended += 1
        if reason is not None:
            self.registry.end(live.call_sid, reason, asks=reason in BOT_ENDS and live.bridge.attached)
        for tell in self.on_end:
            tell(live, reason)

    async def _look_elsewhere(self, live: LiveCall) -> None:
        """Let go of a session whose stream has come in another process, or will not come at all."""
        while True:
            await asyncio.sleep(LOOK_S)
            if live.bridge.attached:
                return
            if self.registry.claimed(live.call_sid):
                self.missed += 1
                live.bridge.release()
                return
            if self.registry.outcome(live.call_sid) is not None:
                live.bridge.shutdown("line_lost")
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

    async def outcome(self, call_sid: str) -> EndReason | None:
        """How the call ended whose stream is over or never came. A stream that has just gone is waited for a little."""
        live = self.find(call_sid)
        if live is not None:
            if not live.bridge.attached:
                live.bridge.shutdown("line_lost")
            await live.bridge.over(SETTLE_S)
            return live.bridge.call.ended
        if self.registry.owner(call_sid) is not None:  # the session waits in another process, which will see this
            self.registry.end(call_sid, "line_lost")
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while self.registry.claimed(call_sid) and self.registry.outcome(call_sid) is None:  # noqa: ASYNC110
                    await asyncio.sleep(SETTLE_LOOK_S)  # what another process does sets no event here
        return self.registry.outcome(call_sid)

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
