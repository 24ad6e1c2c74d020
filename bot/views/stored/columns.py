"""Tables and figures of stored calls, fitted to a terminal or whole in a pipe. What a call brought in is only text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.text import Text

from bot.recording.wording import visible

_NANO_OF_SHOWN = 100_000
_SHOWN_PLACES = 4
_GAP = "  "
_NARROWEST = 10
"""Enough of a SID to name a call by."""


@dataclass(slots=True)
class Columns:
    """A table. `right` names the columns of figures; `narrow` those that may be shortened on a terminal, in that order.

    `below` names those that are never shortened: where a terminal has no room for them, they have a line of their own.
    `styles` is rich's style by column, for a terminal.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[str] = frozenset()
    narrow: Sequence[str] = ()
    styles: Mapping[str, str] = field(default_factory=dict)
    below: Sequence[str] = ()

    def show(self, console: Console) -> None:
        """Print it: fitted to a terminal, whole in a pipe."""
        shown = [list(self.heads), *([visible(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[at]) for row in shown) for at in range(len(self.heads))]
        apart = console.is_terminal and bool(self.below) and _length(widths) > console.width
        if console.is_terminal and not apart:
            self._fit(widths, console.width)
        for number, row in enumerate(shown):
            first = Text()
            second = Text("  ") if apart else first
            for head, cell, width in zip(self.heads, row, widths, strict=True):
                style = "dim" if number == 0 else self.styles.get(head, "")
                line = second if head in self.below else first
                line.append(self._cell(head, cell, width), style if console.is_terminal else "")
                line.append(_GAP)
            for line in (first, second) if apart else (first,):
                line.rstrip()
                console.print(line, soft_wrap=True)

    def _fit(self, widths: list[int], room: int) -> None:
        """Take from the narrow columns what is too much for `room`."""
        for head in self.narrow:
            over = _length(widths) - room
            if over <= 0 or head not in self.heads:
                continue
            at = self.heads.index(head)
            widths[at] = max(min(_NARROWEST, widths[at]), widths[at] - over)

    def _cell(self, head: str, cell: str, width: int) -> str:
        if len(cell) > width:
            cell = f"{cell[: width - 1]}…"
        return cell.rjust(width) if head in self.right else cell.ljust(width)


def _length(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def say(console: Console, *lines: str, style: str = "") -> None:
    """Print lines that hold no markup; a pipe gets each of them unbroken."""
    for line in lines:
        console.print(Text(line, style), soft_wrap=not console.is_terminal)


def usd(nano_usd: int) -> str:
    """Money for people, to a hundredth of a cent, rounded half up. `nano_usd` are billionths of a dollar."""
    sign, nano_usd = ("-", -nano_usd) if nano_usd < 0 else ("", nano_usd)
    shown = (nano_usd + _NANO_OF_SHOWN // 2) // _NANO_OF_SHOWN
    dollars, rest = divmod(shown, 10**_SHOWN_PLACES)
    return f"{sign}${dollars}.{rest:0{_SHOWN_PLACES}}"


def local(at: datetime) -> str:
    """A time on this machine's clock."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def length(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss`, rounded down."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def times(number: int, one: str, many: str = "") -> str:
    """`1 call`, `2 calls`; `many` where the plural is not the singular with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def listed(parts: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
