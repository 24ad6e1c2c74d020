"""A timeline in the terminal: a table for a person, plain lines for a pipe. What a call said is only ever text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.recording.wording import visible
from bot.views.pauses.silences import silence_events
from bot.views.timeline_parts import Event, Latency, LatencyKind, Timeline

_LATENCY_NAMES: dict[LatencyKind, str] = {
    "first_audio": "stream to first audio",
    "answer": "caller silent to first audio",
    "silence": "caller heard to clear",
}
_STYLES = {"caller": "cyan", "bot": "green", "phone": "blue", "model": "magenta", "call": "yellow"}
_LOUD = {"cut": "bold red", "error": "bold red", "odd": "bold red", "says": "bold", "silence": "yellow"}


def show(timeline: Timeline, file: TextIO | None = None, *, minor: bool = False) -> None:
    """Print `timeline` to `file` (standard output). `minor`: marks and routine messages too."""
    console = Console(file=file, highlight=False)
    shown = [event for event in timeline.events if minor or not event.minor]
    events = sorted([*shown, *silence_events(timeline)], key=lambda event: event.us)
    if not console.is_terminal:
        for line in plain_lines(timeline, events):
            console.print(Text(line), soft_wrap=True)
        return
    for line in _summary(timeline):
        console.print(Text(line))
    console.print(_table(events))
    for line in _figures(timeline):
        console.print(Text(line))


def plain_lines(timeline: Timeline, events: list[Event]) -> Iterator[str]:
    """The whole timeline as lines without any escape code."""
    yield from _summary(timeline)
    for event in events:
        yield f"{_seconds(event.us)}  {event.side:<6}  {event.kind:<8}  {visible(event.text)}"
    yield from _figures(timeline)


def _table(events: list[Event]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("side", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what", overflow="fold")
    for event in events:
        style = "dim" if event.minor else _LOUD.get(event.kind, "")
        table.add_row(
            Text(_seconds(event.us), "dim"),
            Text(event.side, _STYLES[event.side]),
            Text(event.kind, "dim"),
            Text(visible(event.text), style),
        )
    return table


def _summary(timeline: Timeline) -> Iterator[str]:
    yield f"{visible(timeline.path)}"
    call = f"call {visible(timeline.call_sid)}" if timeline.call_sid else "call"
    yield f"{call}, {visible(timeline.date)}, {timeline.duration_us / 1e6:.1f} s, ended: {visible(timeline.ended)}"
    if timeline.truncated:
        yield "The file ends in the middle of a line, as after a crash."


def _figures(timeline: Timeline) -> Iterator[str]:
    for kind, name in _LATENCY_NAMES.items():
        took = [latency for latency in timeline.latencies if latency.kind == kind]
        if took:
            yield f"{name}: {', '.join(map(_milliseconds, took))}"
    if timeline.barge_ins:
        unheard = sum(barge_in.unheard_ms for barge_in in timeline.barge_ins)
        times = "once" if len(timeline.barge_ins) == 1 else f"{len(timeline.barge_ins)} times"
        yield f"interrupted {times}, {unheard:.0f} ms sent and never heard"


def _milliseconds(latency: Latency) -> str:
    return f"{latency.took_us / 1000:.0f} ms"


def _seconds(us: int) -> str:
    return f"{us / 1e6:9.3f}"
