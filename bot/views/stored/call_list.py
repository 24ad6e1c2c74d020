"""Stored calls as a list: newest first, with what each cost and why it ended, and the total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console

from bot.store.results import CallSummary, Filters
from bot.views.queries.call_query import LIVE
from bot.views.stored.columns import Columns, length, listed, local, say, times, usd

_HEADS = ("started", "length", "caller", "ended", "answered", "turns", "cut", "cost", "call", "profile")
_RIGHT = frozenset({"length", "turns", "cut", "cost"})
_STYLES = {"started": "dim", "cost": "bold", "call": "cyan"}


def show_list(found: Sequence[CallSummary], asked: Filters, console: Console) -> None:
    """Print `found`, the answer to `asked` with a limit of one call more, which tells whether there are more."""
    shown, more = found[: asked.limit], len(found) > asked.limit
    if not shown:
        say(console, _none(asked))
        return
    used = {"profile": any(call.profile for call in shown), "answered": any(call.outbound for call in shown)}
    heads = [head for head in _HEADS if used.get(head, True)]
    rows = [[_cells(call)[head] for head in heads] for call in shown]
    Columns(heads, rows, _RIGHT, styles=_STYLES, below=("call", "profile")).show(console)
    say(console, _total(shown, more=more), style="bold")


def list_json(found: Sequence[CallSummary], asked: Filters) -> bytes:
    """One JSON object: the calls with all that their rows hold, and their sums."""
    shown = found[: asked.limit]
    whole: dict[str, Any] = {
        "calls": shown,
        "seconds": sum(call.seconds for call in shown),
        "nano_usd": sum(call.nano_usd for call in shown),
        "more": len(found) > asked.limit,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


def ending(call: CallSummary) -> str:
    """The end of the call by the one name that logs, metrics and --reason have for it."""
    return call.reason or LIVE


def _cells(call: CallSummary) -> dict[str, str]:
    """The row of a call, by column. Beside the caller, `to` says that the bot has called them."""
    return {
        "started": local(call.started_at),
        "length": length(call.seconds) if call.ended_at else "",
        "caller": f"to {call.person}" if call.outbound else call.caller or "withheld",
        "ended": ending(call),
        "answered": call.answered_by,
        "turns": str(call.turns),
        "cut": str(call.interruptions) if call.interruptions else "",
        "cost": usd(call.nano_usd),
        "call": call.sid,
        "profile": call.profile,
    }


def _total(shown: Sequence[CallSummary], *, more: bool) -> str:
    parts = [times(len(shown), "call"), length(sum(call.seconds for call in shown))]
    total = listed([", ".join(parts), usd(sum(call.nano_usd for call in shown))])
    return f"{total}; there are older ones, which a higher --limit shows." if more else f"{total} in all."


def _none(asked: Filters) -> str:
    if asked == Filters(limit=asked.limit):
        return "No call is stored yet."
    return "No stored call is like that."
