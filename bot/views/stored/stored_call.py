"""One stored call for people: what was said and heard, what it waited for and cost, its timeline and files."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.text import Text

from bot.call.facts import TurnFact
from bot.realtime.prices import PriceTable
from bot.recording.wording import visible
from bot.store.results import CallSummary, StoredCall
from bot.store.rows import LATER, EventKept
from bot.store.upkeep.files_on_disk import is_here
from bot.views.queries.call_query import LIVE
from bot.views.stored.call_costs import show_costs
from bot.views.stored.call_list import ending
from bot.views.stored.columns import Columns, length, local, say, times
from bot.views.stored.outbox_list import show_outbox

_WAITS = {
    "byte_sent": "caller silent to first byte sent",
    "byte_heard": "caller silent to first byte heard",
    "clear": "caller heard to silence",
}
_PERCENTILES = ("p50, ms", "p95, ms")
_SIDES = {"caller": "cyan", "bot": "green"}
_WARNINGS = frozenset({"warning", "error"})


def show_call(call: StoredCall, console: Console, prices: PriceTable | None = None) -> None:
    """Print all that people look for. `prices` are those of today."""
    for line in _facts(call):
        say(console, line)
    _result(call, console)
    _transcript(call, console)
    _waits(call.summary, console)
    show_costs(call, console, prices)
    _events(call, console)
    _files(call, console)
    show_outbox(call.outbox, console)


def call_json(call: StoredCall) -> bytes:
    """All that is stored as one JSON object; each file also tells whether it `exists` on this machine."""
    whole = msgspec.to_builtins(call, builtin_types=(bytes,))
    for file in whole["files"]:
        file["exists"] = is_here(file["path"])
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


def warnings_of(call: StoredCall) -> list[EventKept]:
    """Warnings of a call, in order of time."""
    return sorted((event for event in call.events if event.level in _WARNINGS), key=lambda event: event.us)


def event_words(event: EventKept) -> str:
    """The event and its details on one line."""
    details = ", ".join(f"{name} {value}" for name, value in event.details.items())
    return f"{event.name}{': ' if details else ''}{details}"


def facts_of(call: CallSummary) -> list[str]:
    """Numbers, length and end, model and settings, each where known."""
    facts = [
        f"from {call.caller or 'a withheld number'}{f' to {call.called}' if call.called else ''}",
        f"{length(call.seconds)}, ended: {ending(call)}" if call.ended_at else LIVE,
    ]
    if call.outbound:
        facts.append(f"called by the bot, answered: {call.answered_by or 'not yet'}")
    if call.profile:
        facts.append(f"profile {call.profile}")
    if call.model:
        facts.append(f"model {call.model}")
    if call.settings_digest:
        facts.append(f"settings {call.settings_digest[:12]}")
    return facts


def _facts(call: StoredCall) -> Iterator[str]:
    summary = call.summary
    yield f"call {visible(summary.sid)}, {local(summary.started_at)}"
    yield visible(", ".join(facts_of(summary)))
    yield f"{times(summary.turns, 'turn')}, {_often(summary.interruptions)}"
    if summary.purged_at:
        yield f"What was said was thrown away on {local(summary.purged_at)}, when its time was over."
    if summary.lost:
        yield f"{times(summary.lost, 'change')} of this call could not be stored; what is below is not all."


def _often(number: int) -> str:
    return {0: "never interrupted", 1: "interrupted once"}.get(number, f"interrupted {number} times")


def _result(call: StoredCall, console: Console) -> None:
    """What a model made of the call, before the words it made it of."""
    if call.result is None:
        return
    _heading(console, "What came of it")
    say(console, f"{call.result.disposition}: {visible(call.result.summary) or '(thrown away)'}")
    for name, value in call.result.fields.items():
        say(console, visible(f"{name}: {value if isinstance(value, str) else msgspec.json.encode(value).decode()}"))


# ---- what was said ---------------------------------------------------------------------------------------------------


def _transcript(call: StoredCall, console: Console) -> None:
    _heading(console, "What was said")
    if not call.turns:
        say(console, "Nothing." if call.summary.ended_at else "Nothing yet.")
    for turn in call.turns:
        _turn(turn, console)


def _turn(turn: TurnFact, console: Console) -> None:
    """The unheard rest on a line of its own."""
    times_of = f"{_seconds(turn.began_us)} {_seconds(turn.ended_us)}"
    line = Text.assemble((times_of, "dim"), "  ", (f"{turn.who:<6}", _SIDES[turn.who]), "  ", visible(_said(turn)))
    if turn.cut:
        line.append(" [cut]", "bold red")
    wide = not console.is_terminal
    console.print(line, soft_wrap=wide)
    if turn.unheard:
        rest = Text(f"{'':{len(times_of) + 10}}not heard: {visible(turn.unheard)}", "yellow")
        console.print(rest, soft_wrap=wide)


def _said(turn: TurnFact) -> str:
    if turn.text is None:
        return "(no transcript)"
    return turn.text or ("(nothing of it was heard)" if turn.unheard else "(no words)")


def _seconds(us: int | None) -> str:
    return f"{'':9}" if us is None else f"{us / 1e6:9.3f}"


# ---- the rest --------------------------------------------------------------------------------------------------------


def _waits(call: CallSummary, console: Console) -> None:
    rows = [
        (words, _ms(call.waits.get(f"{what}_p50")), _ms(call.waits.get(f"{what}_p95")))
        for what, words in _WAITS.items()
        if f"{what}_p50" in call.waits
    ]
    greeting = call.waits.get("greeting_heard")
    if greeting is not None:
        rows.insert(0, ("webhook to greeting heard", _ms(greeting), ""))
    if rows:
        _heading(console, "How long the caller waited")
        Columns(("", *_PERCENTILES), rows, frozenset(_PERCENTILES)).show(console)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _events(call: StoredCall, console: Console) -> None:
    """The timeline: what the call told of itself, warnings and errors so named."""
    if not call.events:
        return
    _heading(console, "What happened")
    for event in sorted(call.events, key=lambda event: (event.number >= LATER, event.us, event.number)):
        level = event.level if event.level in _WARNINGS else ""
        us = None if event.number >= LATER else event.us  # it happened after the call
        say(console, f"{_seconds(us)}  {level:<7}  {visible(event_words(event))}")


def _files(call: StoredCall, console: Console) -> None:
    if not call.files:
        return
    _heading(console, "Files")
    for file in call.files:
        gone = "" if is_here(file.path) else "  (not on this machine)"
        say(console, f"{file.kind:<9}  {visible(file.path)}{gone}")


def _heading(console: Console, text: str) -> None:
    say(console, "", text, style="bold")
