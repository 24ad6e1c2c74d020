"""`bot check`: the settings as they are in effect, and what a person should know about them."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.config import Settings, Shown, effective, missing_for_call, warnings_about
from bot.realtime.prices import BadPrices
from bot.server.money import half_blind, price_lines
from bot.server.reach import reach
from bot.twilio.twiml import TwimlError, TwimlFiles


class Report(NamedTuple):
    """What was found. The lists hold sentences; `problems` keep the server from starting."""

    shown: list[Shown]
    problems: list[str]
    missing: list[str]
    warnings: list[str]
    prices: list[str]
    store: list[str] = []  # noqa: RUF012  nobody writes to it


def examine(settings: Settings) -> Report:
    """Look at settings that are each right by themselves, and at the files they name."""
    problems = []
    try:
        TwimlFiles(settings.twiml_dir)
    except TwimlError as error:
        problems.append(str(error))
    prices, warnings = [], warnings_about(settings)
    try:
        prices = price_lines(settings)
        warnings += half_blind(settings)
    except BadPrices as error:
        problems += error.problems
    reached = reach(settings)
    warnings += reached.warnings
    problems += reached.problems
    return Report(effective(settings), problems, missing_for_call(settings), warnings, prices, reached.fine)


def show(report: Report, console: Console) -> None:
    """Print all but the problems: a table on a terminal, a line each in a pipe."""
    if console.is_terminal:
        console.print(_table(report.shown))
    else:
        for name, value, source in report.shown:
            _line(console, f"{name}={value} ({source})")
    for sentence in (*report.prices, *report.store):
        _line(console, sentence)
    for sentence in report.warnings:
        _line(console, f"Warning: {sentence}")
    if report.missing:
        _line(console, "Missing for a real call:")
        for sentence in report.missing:
            _line(console, f"  {sentence}")
    elif not report.problems:
        _line(console, "Nothing is missing for a real call.")


def _table(shown: list[Shown]) -> Table:
    table = Table("setting", "value", "source", header_style="bold")
    for name, value, source in shown:
        # Text, not markup: a value may hold square brackets.
        table.add_row(name, Text(value), Text(source), style="dim" if source == "default" else "")
    return table


def _line(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)
