"""Function calls of the model, and the answer to each.

Hanging up is the one it may ask for: after its goodbye has been heard, and not at all if the caller starts to talk. Nor
before the caller has said or keyed anything, or in the greeting: nobody hangs up on somebody unheard.
"""

from __future__ import annotations

from bot.call.conversation.floor import Floor
from bot.call.prompts.greeting import Greeting
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step
from bot.call.transcript.transcript import Transcript
from bot.realtime.events import OutputItemDone
from bot.realtime.items import function_call_output
from bot.realtime.session import HANG_UP

NOT_NOW = "The caller started to speak, so the call was not ended. Listen and go on with the conversation."
TOO_EARLY = "The caller has said nothing yet, so the call was not ended. Wait for what they say."
NO_SUCH_FUNCTION = "There is no such function."


class FunctionCalls:
    """Every finished call of a function is answered, but for a hang-up: its answer is the end of the call."""

    def __init__(
        self, step: Step, session: CurrentSession, floor: Floor, *, greeting: Greeting, transcript: Transcript
    ) -> None:
        self._step = step
        self._session = session
        self._floor = floor
        self._greeting = greeting
        self._transcript = transcript

    def item_done(self, event: OutputItemDone) -> bool:
        """An item of a response is done. True if it asks to hang up."""
        item = event.item
        if item.type != "function_call" or item.status not in {"completed", None}:
            return False
        call_id = item.call_id or ""
        if item.name == HANG_UP and not self._may_hang_up(event.response_id):
            self._step.report("hang_up_refused")
            self._step.create_item(function_call_output(call_id, TOO_EARLY))
            return False
        session = self._session.now
        session.responses.answered(event.response_id)
        if session.responses.suppressed(event.response_id):
            self._step.create_item(function_call_output(call_id, "interrupted"))
        elif item.name == HANG_UP:
            session.hang_up, self._floor.hang_up_asked = call_id, True
            self._step.report("hang_up_asked")
            return True
        else:
            self._step.create_item(function_call_output(call_id, NO_SUCH_FUNCTION))
            session.responses.want({})
        return False

    def _may_hang_up(self, response_id: str) -> bool:
        said = any(turn.who == "caller" and turn.text != "" for turn in self._transcript.turns)
        return (said or bool(self._step.counts["keys"])) and not self._greeting.made_by(response_id)

    def drop_hang_up(self) -> None:
        """The caller speaks: the model is told that the hang-up it asked for was dropped."""
        self._floor.hang_up_asked = False
        self._step.report("hang_up_dropped")
        hang_up = self._session.now.hang_up
        if hang_up is not None:
            self._step.create_item(function_call_output(hang_up, NOT_NOW))
