"""The wrap-up: what is asked for when one of a call's bounds is near, and when it is reached.

Near a bound the model is told once to wrap up. It is said to nobody else and interrupts nothing. At the bound the call
is closed: bot.call.conversation.goodbye has the model say goodbye.
"""

from __future__ import annotations

from bot.call.conversation.floor import Act, Floor
from bot.call.conversation.goodbye import Goodbye
from bot.call.machines import GoodbyeStage
from bot.call.rule import Bound
from bot.call.step import Step, part

WRAP_UP_ITEM = "wrap_up"
WRAP_UP = (
    "The time for this call is nearly used up. Bring what is being talked about to an end within your next one or two "
    "answers. Begin nothing new. Say goodbye when it is done."
)


@part
class WrapUp:
    """Minds `bounds` after each step that moved the call, where one of them is near or due."""

    _step: Step
    bounds: tuple[Bound, ...]
    _floor: Floor
    _goodbye: Goodbye

    def __post_init__(self) -> None:
        self._told = False

    def mind(self, *, ready: bool) -> None:
        """Do what the bounds ask for: nothing, a word to the model if one is `ready`, or the end of the call."""
        if self._floor.goodbye_stage is not GoodbyeStage.NONE:
            return
        for bound in self.bounds:
            if bound.due_us <= self._step.now_us:
                bound.due()
            if bound.level == 1 and ready and not self._told:
                self._told = True
                bound.near()
                self._step.tell(WRAP_UP_ITEM, WRAP_UP)
            elif bound.level == 2 and self._floor.may(Act.CLOSE):
                bound.reached()
                self._goodbye.close(bound.reason)
                return

    @property
    def reached(self) -> bool:
        """True if a bound is reached: the call closes as soon as it may, and asks for nothing before."""
        return any(bound.level == 2 for bound in self.bounds)

    def session_ready(self) -> None:
        """Another session took over: it is to know what the one before was told."""
        if self._told and self._floor.goodbye_stage is GoodbyeStage.NONE:
            self._step.tell(WRAP_UP_ITEM, WRAP_UP)
