"""Hints that an operator writes to the model during a call, such as "offer them the afternoon".

The one text in a session that neither the settings nor the caller wrote: it comes from the operator's page alone. The
model is asked for no answer because of it; it knows it when it speaks next.
"""

from __future__ import annotations

from bot.call.inputs import Hint
from bot.call.step import Step
from bot.call.uplink.frames_and_gaps import Uplink

HINT_ITEM = "operator_hint_{}"


class Hints:
    """Every session of the call is told all of them, in order."""

    def __init__(self, step: Step, uplink: Uplink) -> None:
        self._step = step
        self._uplink = uplink
        self._texts: list[str] = []

    def given(self, note: Hint) -> None:
        self._texts.append(note.text)
        if self._uplink.ready:
            self._tell(len(self._texts) - 1)

    def session_ready(self) -> None:
        """A session, the first or another one, is there to be told."""
        for number in range(len(self._texts)):
            self._tell(number)

    def _tell(self, number: int) -> None:
        self._step.tell(HINT_ITEM.format(number), self._texts[number])
        self._step.report("hint_given", number=number)
