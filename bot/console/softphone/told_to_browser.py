"""News of a call as the browser's page is told them: JSON objects whose `type` says what each is, `atMs` when it was.

A turn is told as it is said, by captions: each has all of it that was heard so far, none at all if it came to nothing.
"""

from __future__ import annotations

from typing import Any

from bot.call.facts import Fact, TurnFact, UsageFact, WaitFact
from bot.call.outputs import Report
from bot.call.turn_log.captions import Caption
from bot.console.live.live_feed import Began, Ended, News
from bot.explain.end_reasons import END_REASONS

_INTERRUPTED = "interrupted"
_TRANSFERS = {
    "transfer_asked": "is being checked",
    "transfer_refused": "was refused",
    "transfer_promised": "is promised to the caller",
    "transfer_dropped": "was dropped: the caller spoke",
}
_OPERATORS = {
    "taken_over": "has taken the call over",
    "handed_back": "has handed the call back",
    "take_over_called_off": "does not want the call any more",
}
_TOOLS = {"tool_called": "runs", "tool_done": "done", "tool_timeout": "took too long"}


def told(news: News) -> dict[str, Any] | None:
    """`news` for the page; None for what it does not show."""
    what = _told(news.what)
    if what is None:
        return None
    at_us = getattr(news.what, "began_us", None)
    return {**what, "atMs": (news.live.offset_us + (news.at_us if at_us is None else at_us)) // 1000}


def _told(what: Began | Ended | Fact | Report | Caption) -> dict[str, Any] | None:
    if isinstance(what, Caption):
        return {"type": "caption", "who": what.who, "item": what.item_id, "text": what.text}
    if isinstance(what, TurnFact):
        return {
            "type": "turn",
            "number": what.number,
            "who": what.who,
            "item": what.item_id,
            "text": what.text or "",
            "unheard": what.unheard,
            "cut": what.cut,
        }
    if isinstance(what, WaitFact):
        return {"type": "wait", "what": what.what, "ms": round(what.us / 1000), "turn": what.turn}
    if isinstance(what, UsageFact):
        return {"type": "cost", "usd": what.nano_usd / 1e9}
    if isinstance(what, Report):
        return _report(what)
    if isinstance(what, Ended):
        return {"type": "ended", "reason": what.reason, "why": END_REASONS.get(what.reason or "", "")}
    return None


def _report(report: Report) -> dict[str, Any] | None:
    details = report.details
    if report.event == _INTERRUPTED:
        heard, received = details.get("heard_ms"), details.get("received_ms")
        return {"type": "interrupted", "item": details.get("item_id"), "heardMs": heard, "receivedMs": received}
    if report.event in _TOOLS:
        return {"type": "tool", "name": details.get("tool", ""), "state": _TOOLS[report.event]}
    if report.event in _TRANSFERS:
        to, why = details.get("destination", ""), str(details.get("why", "")).replace("_", " ")
        return {"type": "transfer", "to": to, "state": _TRANSFERS[report.event], "why": why}
    if report.event in _OPERATORS:
        return {
            "type": "operator",
            "by": details.get("by", ""),
            "state": _OPERATORS[report.event],
            "has": report.event == "taken_over",
            "why": details.get("why", ""),
        }
    if report.level != "info":
        return {"type": "warning", "event": report.event.replace("_", " ")}
    return None
