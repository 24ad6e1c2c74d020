"""Everything about a call that its core needs to know, and that a fixture therefore records."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.realtime.session import SessionSettings


class CallSettings(msgspec.Struct, frozen=True):
    """Durations are in seconds. `greeting` empty: the caller speaks first. `call_sid` and `account_sid` empty: any.

    `greeting_audio` is `greeting` as recorded, base64 mu-law; empty: the model says it.
    """

    session: SessionSettings = SessionSettings()
    greeting: str = ""
    greeting_audio: str = ""
    barge_in: Literal["on", "after_greeting", "off"] = "on"
    max_call_s: float = 3600
    idle_s: float = 0
    response_s: float = 8
    call_sid: str = ""
    account_sid: str = ""
