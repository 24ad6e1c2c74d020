"""What a call may use up: money, time, silence, turns that lead nowhere. bot.call.farewell ends it in words."""

from __future__ import annotations

from typing import Literal, Protocol

from bot.call.outputs import EndReason

Level = Literal[0, 1, 2]
"""How much of a bound is used: not yet worth a word, nearly all of it, all of it."""


class Bound(Protocol):
    """One thing that may be used up."""

    reason: EndReason

    def level(self) -> Level:
        """How near it is. Asked for in every step, so it must cost next to nothing."""

    def near(self) -> None:
        """The model is being told to wrap up: say so in the log."""

    def reached(self) -> None:
        """The call is being closed for this: say so in the log."""
