"""The outbox for people: what was told to the operator's server or asked of a model, and what came of each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console

from bot.recording.wording import visible
from bot.store.results import OutboxItem
from bot.views.stored.columns import Columns, local, say, times

_HEADS = ("came about", "what", "state", "attempts", "why", "call")
_STYLES = {"came about": "dim", "call": "cyan"}


def show_outbox(items: Sequence[OutboxItem], console: Console) -> None:
    """Print the part of a call's page that tells of its webhooks, or nothing for a call that has none."""
    if items:
        say(console, "", "Webhooks", style="bold")
        rows = [_row(item)[:-1] for item in items]
        Columns(_HEADS[:-1], rows, frozenset({"attempts"}), ("why",), styles=_STYLES).show(console)


def show_undelivered(items: Sequence[OutboxItem], console: Console) -> None:
    """Print what waits and what was given up, of all calls."""
    if not items:
        say(console, "Nothing waits to be told, and nothing was given up.")
        return
    Columns(_HEADS, [_row(item) for item in items], frozenset({"attempts"}), styles=_STYLES, below=("call",)).show(
        console
    )
    failed = sum(item.state == "failed" for item in items)
    waiting = f"{times(len(items) - failed, 'entry', 'entries')} waiting"
    say(console, f"{waiting}, {failed} given up{AGAIN if failed else ''}.", style="bold")


AGAIN = "; bot outbox --again sends them again"


def given_up(number: int) -> str:
    """Sentence below a list of calls."""
    return f"{times(number, 'webhook or result', 'webhooks and results')} could not be had; bot outbox shows them."


def outbox_json(items: Sequence[OutboxItem]) -> bytes:
    """One JSON object: the entries with all that their rows hold."""
    return msgspec.json.format(msgspec.json.encode({"entries": items}), indent=2)


def _row(item: OutboxItem) -> Sequence[str]:
    return (local(item.at), item.kind, item.state, str(item.attempts), visible(item.why), item.call_sid)
