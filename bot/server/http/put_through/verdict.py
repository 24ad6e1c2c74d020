"""Verdict on a transfer: what came of it, by what Twilio tells and by the key that was pressed. Pure.

`DialCallStatus` is `completed` also when the person declined or a voicemail answered: connected is only who pressed the
key and was bridged. `CallStatus` is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bot.server.shared.transfers import MOST, Transfer

AT_ONCE_S = 5.0
"""A connection that the person ends within so many seconds after the key was none: the caller is not left alone."""

Result = Literal["connected", "cut_off", "not_taken", "busy", "no_answer", "failed", "caller_gone"]
BY_STATUS: dict[str, Result] = {"busy": "busy", "no-answer": "no_answer", "canceled": "no_answer"}
WHY: dict[str, str] = {
    "cut_off": "the connection ended as soon as it was made",
    "not_taken": "somebody, or a voicemail, answered there and did not take the call",
    "busy": "the line there is busy",
    "no_answer": "nobody answered there",
    "failed": "the connection could not be made",
}
"""Clauses for the model, by what came of a transfer after which the caller is back."""
TOLD = (
    "The caller was being transferred to {destination}, but {why}. They heard the line ring, were told nothing, and "
    "are back with you now. In one short sentence tell them so, and offer what you can do instead. Do not greet them "
    "and do not introduce yourself again."
)
LAST = " They can't be transferred again in this call."


def verdict(transfer: Transfer, form: Mapping[str, str], now_s: float) -> Result:
    """The result of a transfer whose <Dial> is over. A conference is joined by whoever took the call, and no other."""
    there = form.get("CallStatus") == "in-progress"
    joined = form.get("DialBridged", "").lower() == "true" or bool(transfer.child)
    if joined and transfer.taken_s is not None:
        return "cut_off" if there and now_s - transfer.taken_s < AT_ONCE_S else "connected"
    if not there:
        return "caller_gone"
    if transfer.picked_up_s is not None:
        return "not_taken"
    return BY_STATUS.get(form.get("DialCallStatus", ""), "failed")


def told(transfer: Transfer, result: str) -> str:
    """The sentence that tells the model why the caller is back."""
    sentence = TOLD.format(destination=transfer.destination, why=WHY.get(result, WHY["failed"]))
    return sentence + LAST if transfer.number >= MOST else sentence
