from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from bot.views.stored.columns import Columns, length, listed, say, times, usd

TABLE = Columns(
    ("name", "n", "call"), [("a", "1", "CA" + "0" * 32), ("[b]", "22", "\x1b[31m")], frozenset("n"), ("call",)
)


def printed(what: Columns, width: int | None = None) -> list[str]:
    """Its lines in a pipe, or on a terminal of that width, without styles."""
    file = io.StringIO()
    console = Console(file=file, highlight=False, force_terminal=width is not None, width=width, no_color=True)
    what.show(console)
    return [line.replace("\x1b[2m", "").replace("\x1b[0m", "") for line in file.getvalue().splitlines()]


def test_in_a_pipe_no_cell_is_shortened() -> None:
    assert printed(TABLE) == ["name   n  call", f"a      1  CA{'0' * 32}", "[b]   22  \\x1b[31m"]


def test_on_a_narrow_terminal_only_the_narrow_column_is() -> None:
    assert printed(TABLE, 24) == ["name   n  call", "a      1  CA00000000000…", "[b]   22  \\x1b[31m"]


def test_no_column_gets_too_narrow_to_name_a_call() -> None:
    assert printed(TABLE, 8)[1].endswith("CA0000000…")


def test_on_a_wide_terminal_nothing_is() -> None:
    assert printed(TABLE, 80) == printed(TABLE)


def test_what_is_never_shortened_stands_on_a_line_of_its_own_where_there_is_no_room() -> None:
    table = dataclasses.replace(TABLE, narrow=(), below=("call",))
    assert printed(table, 80) == printed(table)
    assert printed(table, 24) == ["name   n", "  call", "a      1", f"  CA{'0' * 32}", "[b]   22", "  \\x1b[31m"]


def test_lines_hold_no_markup() -> None:
    file = io.StringIO()
    say(Console(file=file), "[red]not red[/red]", style="bold")
    assert file.getvalue() == "[red]not red[/red]\n"


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.0000"),
        (49_999, "$0.0000"),
        (50_000, "$0.0001"),
        (12_576_000, "$0.0126"),
        (999_950_000, "$1.0000"),
        (123_456_789_012, "$123.4568"),
        (-50_000, "-$0.0001"),
    ],
)
def test_money_is_shown_to_a_hundredth_of_a_cent(nano: int, text: str) -> None:
    assert usd(nano) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3605, "1:00:05")])
def test_lengths_are_minutes_and_hours(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_counts_and_lists_read_as_sentences() -> None:
    assert [times(1, "call"), times(0, "call"), times(2, "use", "uses")] == ["1 call", "0 calls", "2 uses"]
    assert [listed(["a"]), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
