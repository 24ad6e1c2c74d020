"""The end of the call by the model's wish: after its goodbye has been heard, and not if the caller starts to talk.

Nor before the caller has said or keyed anything, or in the greeting: nobody hangs up on somebody unheard.
"""

from __future__ import annotations

from bot.call.conversation.floor import Floor
from bot.call.machines import TransferStage
from bot.call.prompts.greeting import Greeting
from bot.call.session.session_state import CurrentSession
from bot.call.states import Happening
from bot.call.step import Step, part
from bot.call.tool_calls.asked_calls import FunctionCall
from bot.call.tool_calls.function_calls import FunctionCalls
from bot.call.transcript.transcript import Transcript
from bot.realtime.session import END_CALL

NOT_NOW = "The caller started to speak, so the call was not ended. Listen and go on with the conversation."
TRANSFERRED = "The caller is being transferred, so the call was not ended."
ALREADY = "The call is being ended already."
TOO_EARLY = "The caller has said nothing yet, so the call was not ended. Wait for what they say."


@part
class EndCall:
    """The built-in function `end_call`: its answer is the end of the call."""

    name = END_CALL

    _step: Step
    _session: CurrentSession
    _floor: Floor
    _functions: FunctionCalls
    _greeting: Greeting
    _transcript: Transcript

    def called(self, call: FunctionCall) -> None:
        if self._floor.transfer_stage is not TransferStage.NONE:
            self._step.report("hang_up_refused")
            self._functions.answer(call.call_id, TRANSFERRED, respond=False)
            return
        if self._floor.hang_up_asked:
            self._functions.answer(call.call_id, ALREADY, respond=False)
            return
        if not heard_of_caller(self._step, self._transcript) or self._greeting.made_by(call.response_id):
            self._step.report("hang_up_refused")
            self._functions.refuse(call.call_id, TOO_EARLY)
            return
        self._session.now.end_call, self._floor.hang_up_asked = call.call_id, True
        self._step.report("hang_up_asked")
        if self._floor.caller_speaking:
            self.drop()
        else:
            self._floor.happen(Happening.HANG_UP_ASKED)

    def drop(self, why: str = NOT_NOW) -> None:
        """The caller speaks, or an operator: the model is told that the hang-up it asked for was dropped."""
        self._floor.hang_up_asked = False
        self._step.report("hang_up_dropped")
        asked = self._session.now.end_call
        if asked is not None:
            self._functions.answer(asked, why, respond=False)


def heard_of_caller(step: Step, transcript: Transcript) -> bool:
    """The caller has said or keyed something: before, nobody is hung up on or transferred."""
    said = any(turn.who == "caller" and turn.text != "" for turn in transcript.turns)
    return said or bool(step.counts["keys"])
