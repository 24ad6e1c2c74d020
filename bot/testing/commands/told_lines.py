"""One line of a call that is told while it goes on."""

from __future__ import annotations

from rich.text import Text

from bot.recording.wording import visible

_STYLES = {"caller": "cyan", "bot": "green", "call": "yellow"}


def told_line(us: int, side: str, text: str) -> Text:
    """One line for a person: when, who, what. Text from a call can't act on the terminal."""
    line = Text(f"{us / 1_000_000:7.2f} s  ")
    line.append(f"{side:<6}  ", _STYLES[side])
    line.append(visible(text))
    return line
