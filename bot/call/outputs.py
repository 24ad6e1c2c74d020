"""What a call asks its shell to do: send a message to either side, report something, end."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bot.realtime.events import ClientEvent
from bot.twilio.stream import Clear, Outbound, PlayMedia, SetMark

EndReason = Literal[
    "caller_hung_up",
    "bot_hung_up",
    "transferred",
    "idle",
    "time_limit",
    "spend_limit",
    "model_unavailable",
    "line_lost",
    "drained",
    "refused",
    "internal_error",
]


class Report(msgspec.Struct, frozen=True):
    """Something an operator may want to see in the log; `event` is a short, stable name."""

    event: str
    details: dict[str, Any] = {}
    level: Literal["info", "warning", "error"] = "info"


class End(msgspec.Struct, frozen=True):
    """The call is over: close both sockets. Nothing follows it."""

    reason: EndReason


Output = Outbound | ClientEvent | Report | End
PHONE_MESSAGES = (PlayMedia, SetMark, Clear)
