"""Tokens of streams: each is good for one use, whichever process or instance it is shown to."""

from __future__ import annotations

import secrets
import time

from bot.config import Settings
from bot.server.directory.call_directory import CallDirectory
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.store_lookup import StoreLookup
from bot.twilio.token import NONCE_BYTES, BadToken, StreamToken, open_token, seal, stream_keys


class StreamTokens:
    """Sealed here, and claimed by the first stream that shows one: in the store, then in the registry."""

    def __init__(
        self, settings: Settings, directory: CallDirectory, registry: CallRegistry, store_lookup: StoreLookup | None
    ) -> None:
        self._keys = stream_keys(settings.auth_tokens)
        self._directory = directory
        self._registry = registry
        self._store_lookup = store_lookup

    def issue(self, call_sid: str, leg: int | None = None) -> str:
        """Seal a fresh token for the stream of this call; the one before is void. `leg`: its number, if not as ever."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._registry.issue(call_sid, nonce)
        live = self._directory.find(call_sid)
        if live is not None:
            live.nonce = nonce
        own, profile = (0, "") if live is None else (live.past.leg, live.settings.profile)
        now_s = int(time.time())
        return seal(call_sid, now_s, nonce, self._keys[0], leg=own if leg is None else leg, profile=profile)

    def opened(self, token: str) -> StreamToken:
        """Open a token. Raises BadToken when it is not ours or too old."""
        return open_token(token, int(time.time()), self._keys)

    async def redeem(self, opened: StreamToken) -> None:
        """Spend a token. Raises BadToken when it is spent or void."""
        live = self._directory.find(opened.call_sid)
        ours = live is not None and live.nonce == opened.nonce
        if live is not None and ours:
            live.nonce = b""  # from here on it is no sign of a stream elsewhere
        claim = (
            "not_told" if self._store_lookup is None else await self._store_lookup.claim(opened.call_sid, opened.nonce)
        )
        if claim == "spent":
            if live is not None and ours:
                live.nonce = opened.nonce
            raise BadToken("spent")
        if claim == "claimed" and opened.resumed and self._registry.known(opened.call_sid).outcome is not None:
            self._registry.reopen(opened.call_sid)  # it ended here, and another instance carries it on
        if not self._registry.claim(opened.call_sid, opened.nonce):
            raise BadToken("spent")
