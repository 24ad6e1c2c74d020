"""Topics of the manual on a terminal, or as plain text in a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from bot.docs import TOPICS, page, summary

_WIDEST = 120


def show(topic: str, console: Console) -> None:
    """Print a topic: rendered on a terminal, as Markdown in a pipe."""
    if console.is_terminal:
        console.print(Markdown(page(topic), hyperlinks=False), width=min(console.width, _WIDEST))
    else:
        console.file.write(page(topic))


def list_topics(console: Console) -> None:
    """Print every topic with its sentence."""
    if console.is_terminal:
        table = Table.grid(padding=(0, 2))
        for topic in TOPICS:
            table.add_row(Text(topic, style="bold"), summary(topic))
        console.print(table)
    else:
        width = max(map(len, TOPICS))
        console.file.write("".join(f"{topic:<{width}}  {summary(topic)}\n" for topic in TOPICS))
