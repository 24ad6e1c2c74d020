"""Inputs of a call that are not messages of either side. A fixture records them as `note` lines."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.realtime.failures import FailureKind


class _Note(msgspec.Struct, frozen=True, tag_field="note", forbid_unknown_fields=True):
    pass


class ModelClosed(_Note, frozen=True, tag="model_closed"):
    """The Realtime session ended or never came to be. `code` is close code or HTTP status, 0 for none."""

    failure: FailureKind
    code: int = 0
    reason: str = ""


class PhoneClosed(_Note, frozen=True, tag="phone_closed", forbid_unknown_fields=False):
    """The stream's socket is gone. `code`: of its close; 1006 when there was none."""

    code: int = 1000


class PhoneFull(_Note, frozen=True, tag="phone_full"):
    """The transport to the phone holds 64 KiB or more: hand it no more media."""


class PhoneRoom(_Note, frozen=True, tag="phone_room"):
    """The transport to the phone has room again."""


class Tick(_Note, frozen=True, tag="tick"):
    """The clock reached the call's deadline."""


class Refused(_Note, frozen=True, tag="refused", omit_defaults=True):
    """A message that was no message: counted, and told of once. `about`: its type and the field, in words."""

    way: Literal["phone>bot", "model>bot"]
    kind: str
    about: str = ""


class Shutdown(_Note, frozen=True, tag="shutdown"):
    """The server ends this call: an unclaimed session, a drain, a fault of ours, or somebody at the operator's page."""

    reason: Literal["drained", "refused", "internal_error", "line_lost", "bot_hung_up", "caller_hung_up"]


class Hint(_Note, frozen=True, tag="hint"):
    """Words of the operator for the model, written during the call."""

    text: str


class TransferWanted(_Note, frozen=True, tag="transfer_wanted", omit_defaults=True):
    """The operator wants the caller transferred to `destination`, as if the model had asked for it."""

    destination: str
    summary: str = ""


class TakeOver(_Note, frozen=True, tag="take_over"):
    """An operator wants to speak with the caller in the bot's place. `by` is their name in the log and on the page."""

    by: str


class OperatorAudio(_Note, frozen=True, tag="operator_audio"):
    """A frame of the operator's microphone: base64 mu-law."""

    payload: str


class HandBack(_Note, frozen=True, tag="hand_back"):
    """The operator gives the call back to the bot (`asked`), or has gone (`left`)."""

    why: Literal["asked", "left"] = "asked"


class DailySpend(_Note, frozen=True, tag="daily_spend"):
    """All calls together have spent this much today, in billionths of a US dollar."""

    nano_usd: int


class SessionWaiting(_Note, frozen=True, tag="session_waiting"):
    """The session that was to be dialled is configured: Adopt takes it, Drop lets it go."""


class DialFailed(_Note, frozen=True, tag="dial_failed"):
    """No session came of a Dial, or the one that waited was lost. `code` is as in ModelClosed."""

    failure: FailureKind
    code: int = 0
    reason: str = ""


class SessionAlive(_Note, frozen=True, tag="session_alive"):
    """The session at hand, which had said nothing for a while, has answered a ping."""


class SessionExpires(_Note, frozen=True, tag="session_expires"):
    """The session at hand lasts so much longer, by its own word and the date."""

    within_s: int


Verdict = Literal[
    "human",
    "fax",
    "unknown",
    "machine_start",
    "machine_end_beep",
    "machine_end_silence",
    "machine_end_other",
]
"""Twilio's words for what has answered (twilio-voice 7.3)."""


class AnswerVerdict(_Note, frozen=True, tag="answer_verdict"):
    """Twilio has judged who has answered a call that we made."""

    by: Verdict


class BeepHeard(_Note, frozen=True, tag="beep_heard"):
    """The line has brought a tone of one frequency, as a voicemail sounds before it records, and it is over."""

    hz: int
    ms: int


class TransferChecked(_Note, frozen=True, tag="transfer_checked", omit_defaults=True):
    """Answer to a CheckTransfer. `refused`: a sentence for the model on why not; empty: the destination is free."""

    call_id: str
    refused: str = ""


class ToolDone(_Note, frozen=True, tag="tool_done", omit_defaults=True):
    """A tool that was run has come to an end. `output` goes to the model as it is.

    `respond` false: nothing is to be said because of it. `ok` false: it failed, and `output` says so in a sentence.
    `ran` false: its arguments were refused, so it was not run at all.
    """

    call_id: str
    output: str
    respond: bool = True
    ok: bool = True
    ran: bool = True


class SecretKey(_Note, frozen=True, tag="secret_key"):
    """The caller has pressed a key that is hidden for a tool: which digit it was is not told."""

    call_id: str
    kind: Literal["digit", "finish", "cancel"]


Note = (
    ModelClosed
    | PhoneClosed
    | PhoneFull
    | PhoneRoom
    | Tick
    | Refused
    | Shutdown
    | Hint
    | TransferWanted
    | TakeOver
    | OperatorAudio
    | HandBack
    | DailySpend
    | SessionWaiting
    | DialFailed
    | SessionExpires
    | SessionAlive
    | AnswerVerdict
    | BeepHeard
    | TransferChecked
    | ToolDone
    | SecretKey
)
