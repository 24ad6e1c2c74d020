"""Rows of the call store, one struct a change. Each may be applied twice with the same result."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from bot.call.facts import TurnFact, UsageFact
from bot.recording.files.new_file import FileKind

CRASHED = "crashed"
"""The end reason of a call whose process died; every other one is a `bot.call.outputs.EndReason`."""


class CallStarted(msgspec.Struct, frozen=True):
    """The webhook, or the stream of a call no webhook was seen of. `at` is aware, in UTC.

    Numbers are masked; `caller_hash` is the HMAC of the caller's E.164 number, empty when there is none. `owner` names
    the process that serves the call. `leg` counts the streams on which the call was carried on: a start with a higher
    one makes a call go on that had ended. `profile` is the one whose settings it has.
    """

    call_sid: str
    at: datetime
    owner: str
    caller: str = ""
    caller_hash: str = ""
    called: str = ""
    model: str = ""
    settings_digest: str = ""
    leg: int = 0
    profile: str = ""
    direction: str = ""
    """`outbound` of a call that the bot makes; then `caller` is its own number, and `caller_hash` the callee's."""
    changes: dict[str, str] = {}
    """The texts that hold for this call alone, by setting: for whoever carries it on, and as long as its words."""


class TurnKept(msgspec.Struct, frozen=True):
    """A turn, new or replaced."""

    call_sid: str
    turn: TurnFact


class UsageKept(msgspec.Struct, frozen=True):
    """Usage of a response or a transcription. `at` is aware, in UTC."""

    call_sid: str
    at: datetime
    usage: UsageFact


LATER = 1 << 40
"""First number of events that come after a call."""


class EventKept(msgspec.Struct, frozen=True):
    """A report of the call, `us` after its origin. `details` are masked."""

    call_sid: str
    number: int
    us: int
    name: str
    level: str
    details: dict[str, Any] = {}


class FileKept(msgspec.Struct, frozen=True):
    """A file about the call lies at `path`."""

    call_sid: str
    path: str
    kind: FileKind
    at: datetime


class CallEnded(msgspec.Struct, frozen=True):
    """The call is over. Waits are in milliseconds, percentiles over the call; `lost` counts changes not stored.

    It tells nothing of a call that has been carried on since, on a stream with a higher `leg`.
    """

    call_sid: str
    at: datetime
    reason: str
    seconds: float
    turns: int = 0
    interruptions: int = 0
    lost: int = 0
    waits: dict[str, float] = {}
    """`greeting_heard`, and `<wait>_p50` and `<wait>_p95` of `byte_sent`, `byte_heard` and `clear`."""
    line_nano_usd: int = 0
    """Cost of the phone line, where a price is set."""
    leg: int = 0


class CallTransferred(msgspec.Struct, frozen=True):
    """A call that had ended for us is over: a person it was put through to answered, or its caller hung up before."""

    call_sid: str
    reason: Literal["transferred", "caller_hung_up"] = "transferred"


class CallAnswered(msgspec.Struct, frozen=True):
    """Who or what answered a call that the bot makes, or that nobody did.

    `first`: it holds only where nothing better is known.
    """

    call_sid: str
    by: str
    first: bool = False


class OwnerSeen(msgspec.Struct, frozen=True):
    """The process `owner` of `instance` was alive at `at`."""

    owner: str
    instance: str
    at: datetime


Row = CallStarted | TurnKept | UsageKept | EventKept | FileKept | CallEnded | CallTransferred | CallAnswered | OwnerSeen
