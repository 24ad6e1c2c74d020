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
from bot.server.registry import CallRegistry, MemoryRegistry
from bot.twilio.token import NONCE_BYTES, BadToken, StreamToken, open_token, seal, stream_keys

RETRY_S = 60
"""A webhook may be repeated for this long; then a call SID that never streamed is dialled no more."""


@dataclass(eq=False)
class LiveCall:
    """One call and the task it runs in. `token` is the one newest handed out."""

    call_sid: str
    bridge: Bridge
    task: asyncio.Task[None] = field(init=False)
    token: StreamToken | None = None


class LiveCalls:
    """Starts calls, finds them, waits for them."""

    def __init__(self, settings: Settings, registry: CallRegistry | None = None) -> None:
        self.settings = settings
        self.registry: CallRegistry = registry or MemoryRegistry(time.time)
        self.draining = False
        self.on_start: list[Callable[[LiveCall], None]] = []
        """Called with each call as it begins."""
        self._calls: dict[str, LiveCall] = {}
        self._keys = stream_keys(settings.auth_tokens)

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def full(self) -> bool:
        return len(self._calls) >= self.settings.max_calls

    def find(self, call_sid: str) -> LiveCall | None:
        return self._calls.get(call_sid)

    def start(self, call_sid: str) -> LiveCall:
        """Begin a call: its session is dialled at once."""
        live = LiveCall(call_sid, self._bridge(call_sid))
        self._calls[call_sid] = live
        for tell in self.on_start:
            tell(live)
        live.task = asyncio.create_task(self._run(live), name=f"call {call_sid}")
        return live

    def _bridge(self, call_sid: str) -> Bridge:
        settings = self.settings
        key = settings.openai_api_key.get_secret_value()
        endpoint = Endpoint(settings.openai_realtime_url, settings.openai_realtime_model, key)
        chosen = call_settings(settings, call_sid, settings.twilio_account_sid)
        recorder = None
        if "fixture" in settings.record:
            recorder = Recorder(chosen, fixture_path(settings.record_dir, call_sid), settings.secrets)
        return Bridge(chosen, endpoint, recorder)

    async def _run(self, live: LiveCall) -> None:
        try:
            reason = await live.bridge.run()
        except Exception:  # noqa: BLE001  the task of a call ends here; the bridge has logged what happened
            reason = "internal_error"
        finally:
            del self._calls[live.call_sid]
        self.registry.set_outcome(live.call_sid, reason)

    def new_token(self, live: LiveCall) -> str:
        """A fresh token for the stream of this call; the one before is void."""
        if live.token is not None:
            self.registry.void(live.token.nonce, live.token.expires_s)
        sealed = seal(live.call_sid, int(time.time()), secrets.token_bytes(NONCE_BYTES), self._keys[0])
        live.token = open_token(sealed, int(time.time()), self._keys)
        return sealed

    def redeem(self, token: str) -> StreamToken:
        """Spend a token. Raises BadToken when it is not ours, too old, or spent."""
        opened = open_token(token, int(time.time()), self._keys)
        if not self.registry.claim(opened.nonce, opened.expires_s):
            raise BadToken("spent")
        return opened

    async def close(self) -> None:
        """End every call and wait for it."""
        self.draining = True
        calls = list(self._calls.values())
        for live in calls:
            live.bridge.shutdown("drained")
        await asyncio.gather(*(live.task for live in calls), return_exceptions=True)
