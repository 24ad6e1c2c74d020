"""Files that come with the metrics: their list, alert rules for Prometheus, a dashboard for Grafana."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.observe.metrics import Family

ALERTS = "alerts.yml"
DASHBOARD = "dashboard.json"


def shipped(name: str) -> str:
    """The text of ALERTS or DASHBOARD."""
    return files("bot.observe").joinpath(name).read_text(encoding="utf-8")


def show(families: Iterable[Family], console: Console) -> None:
    """Print what is measured: a table on a terminal, a line each in a pipe."""
    if not console.is_terminal:
        for family in families:
            line = f"{family.name}{{{family.label}}}" if family.label else family.name
            console.print(Text(f"{line} ({family.kind}): {family.about}"), soft_wrap=True)
        return
    table = Table("metric", "kind", "label", "what it tells", header_style="bold")
    for family in families:
        label = f"{family.label}: {', '.join(family.values)}" if family.label else ""
        table.add_row(family.name, family.kind, Text(label), Text(family.about))
    console.print(table)
