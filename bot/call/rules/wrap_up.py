"""The wrap-up: what is asked for when one of a call's bounds is near, and when it is reached.

Near a bound the model is told once to wrap up. It is said to nobody else and interrupts nothing. At the bound the call
is closed: bot.call.conversation.goodbye has the model say goodbye.
"""

from __future__ import annotations

from bot.call.conversation.goodbye import Goodbye
from bot.call.conversation.state_machine import StateMachine
from bot.call.rule import Bound
from bot.call.states import State
from bot.call.step import Step

WRAP_UP_ITEM = "wrap_up"
WRAP_UP = (
    "The time for this call is nearly used up. Bring what is being talked about to an end within your next one or two "
    "answers. Begin nothing new. Say goodbye when it is done."
)


class WrapUp:
    """Minds `bounds` after each step that moved the call."""

    def __init__(self, step: Step, bounds: tuple[Bound, ...], floor: StateMachine, farewell: Goodbye) -> None:
        self._step = step
        self._bounds = bounds
        self._floor = floor
        self._farewell = farewell
        self._told = False

    def mind(self) -> None:
        """What the bounds ask for: nothing, a word to the model, or the end of the call."""
        if self._farewell.closing:
            return
        for bound in self._bounds:
            level = bound.level()
            if level == 1 and not self._told:
                self._told = True
                bound.near()
                self._farewell.say(WRAP_UP_ITEM, WRAP_UP)
            elif level == 2 and self._floor.state not in {State.OPENING, State.CLOSING}:  # not begun, or ending anyway
                bound.reached()
                self._farewell.close(bound.reason)
                return

    def session_ready(self) -> None:
        """Another session took over: it is to know what the one before was told."""
        if self._told and not self._farewell.closing:
            self._farewell.say(WRAP_UP_ITEM, WRAP_UP)
