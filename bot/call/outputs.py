"""Things that a call asks its shell to do: send a message to either side, report or record something, end."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from bot.audio.transcode import Format
from bot.call.facts import Fact
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


class Transcode(msgspec.Struct, frozen=True):
    """From here on the session hears and speaks these; the call goes on in mu-law."""

    heard: Format
    spoken: Format


class Dial(msgspec.Struct, frozen=True):
    """Open another session and configure it, while this one goes on: SessionWaiting or DialFailed is the answer."""

    within_s: float


class Adopt(msgspec.Struct, frozen=True):
    """From here on the session that waits is the call's, and the one before is closed and unheard.

    Always the last output of its step; what the session has said so far comes next.
    """


class Drop(msgspec.Struct, frozen=True):
    """The session that is being dialled, or waits, is not needed."""


class HideKeys(msgspec.Struct, frozen=True):
    """Keep keys for the tool of this call from here on, and silence the caller's audio. SecretKey tells of each."""

    call_id: str


class DropKeys(msgspec.Struct, frozen=True):
    """Forget what was keyed in for this call; nothing else is hidden. A RunTool of it takes them instead."""

    call_id: str


class LeaveStream(msgspec.Struct, frozen=True):
    """Close the stream, not the call: Twilio asks what follows, plays `digits` and opens the next stream."""

    digits: str


class RunTool(msgspec.Struct, frozen=True):
    """Run a tool: ToolDone is the answer. `arguments` is the JSON text of the model, an object."""

    call_id: str
    name: str
    arguments: str


class CancelTool(msgspec.Struct, frozen=True):
    """Nobody waits for this tool any more: stop it, if it can be stopped."""

    call_id: str
    why: Literal["timeout", "interrupted", "called_off", "hang_up"]


class CheckTransfer(msgspec.Struct, frozen=True):
    """Ask if `destination` may be promised to the caller: TransferChecked is the answer."""

    call_id: str
    destination: str


class Transfer(msgspec.Struct, frozen=True):
    """The caller is to be put through to `destination`, and who answers there is told `summary`. End follows."""

    destination: str
    summary: str


SessionOrder = Transcode | Dial | Adopt | Drop
ToolOrder = RunTool | CancelTool
KeyOrder = HideKeys | DropKeys | LeaveStream
Order = SessionOrder | ToolOrder | KeyOrder | CheckTransfer | Transfer
Output = Outbound | ClientEvent | Report | Fact | Order | End
PHONE_MESSAGES = (PlayMedia, SetMark, Clear)
FACTS = get_args(Fact)
"""Outputs for the record alone: no peer sees it, and no replay compares it."""
ORDERS = get_args(Order)
"""Orders to the shell itself."""
