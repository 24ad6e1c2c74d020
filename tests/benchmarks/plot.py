"""The results as one picture, a panel for each measure there is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.report import Table

WIDTH_IN, HEIGHT_IN = 6.0, 4.0


def draw(directory: Path, tables: list[Table]) -> list[Path]:
    """Write results.png. Gives its path, or nothing when there is nothing to draw or nothing to draw with."""
    shown = [table for table in tables if table.name in _PANELS and table.rows]
    if not shown:
        return []
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("No picture: matplotlib is not installed (pip install '.[bench]').", file=sys.stderr)
        return []
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(WIDTH_IN * columns, HEIGHT_IN * rows), layout="constrained")
    for place, table in enumerate(shown):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.set_title(table.title, fontsize=10)
        _PANELS[table.name](axes, table)
    path = directory / "results.png"
    figure.savefig(path, dpi=120)
    return [path]


def _column(table: Table, name: str, subject: str = "") -> list[float]:
    at = table.columns.index(name)
    return [float(row[at]) for row in table.rows if not subject or row[0] == subject]


def _bars(axes: Any, table: Table) -> None:
    """CPU per frame, the ratio written on each bar."""
    names = [str(row[0]) for row in table.rows]
    bars = axes.bar(names, _column(table, "us per frame"), color=["#9aa5b1", "#6b9ac4", "#d1495b"][: len(names)])
    ratios = next(name for name in table.columns if name.startswith("times "))
    axes.bar_label(bars, [f"{ratio:.2f} x" for ratio in _column(table, ratios)])
    axes.set_ylabel("us of CPU per caller frame")


def _delays(axes: Any, table: Table) -> None:
    """p99 each way over the number of calls."""
    for subject, colour in (("relay", "#9aa5b1"), ("heardline", "#d1495b")):
        calls = _column(table, "calls", subject)
        for way, style in (("up", "-"), ("down", "--")):
            delays_ms = [value / 1000 for value in _column(table, f"{way} p99", subject)]
            axes.plot(calls, delays_ms, style, marker="o", color=colour, label=f"{subject}, {way}")
    _finish(axes)


def _capacity(axes: Any, table: Table) -> None:
    for way, style in (("up", "-"), ("down", "--")):
        delays_ms = [value / 1000 for value in _column(table, f"{way} p99")]
        axes.plot(_column(table, "calls"), delays_ms, style, marker="o", color="#d1495b", label=way)
    _finish(axes)


def _finish(axes: Any) -> None:
    axes.set_yscale("symlog", linthresh=1)  # linear below a millisecond
    axes.axhline(20, color="#444444", linewidth=0.8, linestyle=":")
    axes.set_xlabel("calls")
    axes.set_ylabel("p99 of the delay, ms")
    axes.legend(fontsize=8)


def _reactions(axes: Any, table: Table) -> None:
    names = [f"{row[0]},\n{row[1]} calls" for row in table.rows]
    places = range(len(names))
    for shift, (name, colour) in enumerate((("p50", "#6b9ac4"), ("p99", "#d1495b"))):
        values_ms = [value / 1000 for value in _column(table, name)]
        axes.bar([place + 0.4 * shift for place in places], values_ms, 0.4, label=name, color=colour)
    axes.set_xticks([place + 0.2 for place in places], names, fontsize=8)
    axes.set_ylabel("ms")
    axes.legend(fontsize=8)


def _memory(axes: Any, table: Table) -> None:
    bars = axes.bar([str(row[0]) for row in table.rows], _column(table, "MiB"), color="#6b9ac4")
    axes.bar_label(bars, fmt="%.1f")
    axes.tick_params("x", labelsize=8)
    axes.set_ylabel("MiB resident")


_PANELS: dict[str, Callable[[Any, Table], None]] = {
    "cost": _bars,
    "turns": _bars,
    "cost_tls": _bars,
    "record": _bars,
    "delay": _delays,
    "reaction": _reactions,
    "memory": _memory,
    "capacity": _capacity,
}
