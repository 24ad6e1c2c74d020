"""Others that a call meets besides the bot: the person that <Dial> rings, and the caller who talks to a <Record>."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from bot.testing.dialling.signed_webhook import Caller

Person = Literal["answers", "is_busy", "does_not_answer"]
_STATUS = {"answers": "completed", "is_busy": "busy", "does_not_answer": "no-answer"}


@dataclass(frozen=True)
class Others:
    """The person dialled, by what they do, and the seconds of the caller's message, 0 for none."""

    person: Person = "answers"
    message_s: int = 4


def dialled(others: Others) -> list[tuple[str, str]]:
    """Fields that <Dial> adds to the request of its action (twilio-voice 1.2)."""
    answered = others.person == "answers"
    fields = [("DialCallStatus", _STATUS[others.person]), ("DialCallSid", "CA" + secrets.token_hex(16))]
    return [*fields, ("DialCallDuration", "30")] if answered else fields


def recorded(others: Others, caller: Caller) -> list[tuple[str, str]]:
    """The same for <Record>; nothing when the caller was silent, for then Twilio goes on with the next verb."""
    if not others.message_s:
        return []
    sid = "RE" + secrets.token_hex(16)
    return [
        ("RecordingUrl", f"https://api.twilio.com/2010-04-01/Accounts/{caller.account_sid}/Recordings/{sid}"),
        ("RecordingSid", sid),
        ("RecordingDuration", str(others.message_s)),
        ("Digits", ""),
    ]
