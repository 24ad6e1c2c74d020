"""Outputs of a call that are messages to neither side, as a fixture keeps them: reports, facts, orders, the end."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.call.facts import Fact, TurnFact
from bot.call.outputs import FACTS, ORDERS, End, EndReason, Order, Report
from bot.recording.fixture_masking import HIDDEN

Told = Report | Fact | Order | End
TOLD = (Report, *FACTS, *ORDERS, End)
_FACT_NAMES = ("report", "turn", "usage", "wait")
_ORDER_NAMES = ("transcode", "dial", "adopt", "drop", "run_tool", "cancel_tool", "hide_keys", "drop_keys")
_LEAVING_NAMES = ("leave_stream", "check_transfer", "transfer", "end")
_NAMES = dict(zip(TOLD, (*_FACT_NAMES, *_ORDER_NAMES, *_LEAVING_NAMES), strict=True))
_WORDS = ("text", "unheard", "summary")


def told_as(output: Told) -> dict[str, Any]:
    """`output` as a JSON object whose first field says what it is."""
    fields: dict[str, Any] = msgspec.to_builtins(output)
    return {"told": _NAMES[type(output)], **fields}


def comparable(told: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """`told` without the words of a turn, or of a report, in which a secret was replaced, here or in `other`.

    The replacement is of another length, so what is cut by length, as where the caller stopped hearing, ends elsewhere.
    """
    if HIDDEN not in f"{told}{other}":
        return told
    details = told.get("details")
    if isinstance(details, dict):
        return {**told, "details": {key: HIDDEN if isinstance(value, str) else value for key, value in details.items()}}
    return {**told, **{key: HIDDEN for key in _WORDS if key in told}}


def report_of(told: Any) -> Report | None:
    """The report that a line of a fixture holds, if it is one."""
    if isinstance(told, dict) and told.get("told") == "report":
        return msgspec.convert({key: told[key] for key in told if key != "told"}, Report)
    return None


def turn_of(told: Any) -> TurnFact | None:
    """The turn that a line of a fixture holds, if it is one."""
    if isinstance(told, dict) and told.get("told") == "turn":
        return msgspec.convert({key: told[key] for key in told if key != "told"}, TurnFact)
    return None


def end_of(told: Any) -> EndReason | None:
    """The reason why the call ended, if this line of a fixture tells it."""
    if isinstance(told, dict) and told.get("told") == "end":
        reason: EndReason = msgspec.convert(told.get("reason"), EndReason)
        return reason
    return None
