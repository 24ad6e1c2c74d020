"""The one interface of a rule: what watches the clock or counts something, and asks for something when it is due.

A rule keeps its own deadline and nobody polls it: `due_us` is looked at again only after a step that moved the call
(bot.call.step), or when it has come. The rules of a call are listed in bot.call.handlers.rule_table.
"""

from __future__ import annotations

from typing import Literal

from bot.call.outputs import EndReason

NEVER_US = 2**63

Level = Literal[0, 1, 2]
"""Share of a bound that is used: not yet worth a word, nearly all of it, all of it."""


class Rule:
    """Each of its methods may be left as it is."""

    due_us = NEVER_US
    """Moment at which it has something to do, should nothing else come."""

    def look(self) -> None:
        """The call has moved: keep since when it counts, and when it is due."""

    def due(self) -> EndReason | None:
        """Its time has come: do what is to be done then, and keep when it is due next. Gives why the call is over."""
        return None


class Bound(Rule):
    """A rule about what may be used up: money, time, silence, turns that lead nowhere. Its end is a goodbye."""

    reason: EndReason
    level: Level = 0
    """Share of it that is used, as of what it was last told of and of `due`. Read in every step that moved the call."""

    def near(self) -> None:
        """The model is being told to wrap up: say so in the log."""

    def reached(self) -> None:
        """The call is being closed for this: say so in the log."""


def soonest(*times_us: int | None) -> int:
    """The earliest of some times, None being never."""
    return min([at_us for at_us in times_us if at_us is not None], default=NEVER_US)
