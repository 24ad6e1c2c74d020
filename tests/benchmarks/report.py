"""Results as a Markdown table for people and as JSON for the plot and for comparing runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

Cell = str | float | int


@dataclass
class Table:
    """One measure. `bounds` are sentences that begin with `holds` or `missed`; `notes` what a reader must know."""

    name: str
    title: str
    columns: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    bounds: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def bound(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Judge a figure that must be at most `limit`."""
        verdict = "holds" if value <= limit else "missed"
        self.bounds.append(f"{verdict}: {what} {_shown(value)}{unit}, at most {_shown(limit)}{unit}")

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", _row(self.columns), _row(["---", *["---:"] * (len(self.columns) - 1)])]
        lines += [_row([_shown(cell) for cell in row]) for row in self.rows]
        lines += ["", *(f"- {line}" for line in [*self.bounds, *self.notes])]
        return "\n".join(lines).rstrip() + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.2f}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)


def write(directory: Path, machine: dict[str, str], tables: list[Table]) -> tuple[Path, Path]:
    """Write both files and give their paths."""
    head = ["# Benchmarks", "", *(f"- {name}: {value}" for name, value in machine.items()), ""]
    text = "\n".join([*head, *(table.markdown() for table in tables)])
    markdown, data = directory / "results.md", directory / "results.json"
    markdown.write_text(text, encoding="utf-8")
    data.write_text(
        json.dumps({"machine": machine, "tables": [asdict(table) for table in tables]}, indent=1) + "\n",
        encoding="utf-8",
    )
    return markdown, data
