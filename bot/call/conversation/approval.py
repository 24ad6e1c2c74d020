"""Approval of a tool by the caller: one key for yes, any other for no.

A key is theirs alone: what they say is heard by the model, which may take anything for a yes. It counts once they have
been asked.
"""

from __future__ import annotations

from bot.call.conversation.function_calls import FunctionCalls
from bot.call.machines import CallStage
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step
from bot.call.tool_calls.asked_calls import FunctionCall

YES = "1"
APPROVAL_US = 45_000_000
"""From the call of the tool to the key: the question, and a caller who looks for the keypad."""
ASK = (
    "The tool {name} waits for the caller's approval. In one short sentence tell the caller what it will do, and ask "
    "them to press 1 on their phone to confirm, or any other key to refuse. Only the key counts. Do not call the tool "
    "again: its result comes by itself."
)
REFUSED = "The caller pressed a key to refuse, so nothing was done."
NO_KEY = "The caller pressed no key in time, so nothing was done."


class Approval:
    """Holds calls of tools that need a key. The oldest is asked about first, and answered first."""

    def __init__(self, step: Step, session: CurrentSession, functions: FunctionCalls) -> None:
        self.waiting: list[FunctionCall] = []
        self._step = step
        self._session = session
        self._functions = functions
        self._asked = 0
        """Number of those that the model has begun to ask the caller about."""
        self._number = 0
        functions.on_approval = self.hold

    def hold(self, call: FunctionCall) -> None:
        """The tool of this call is run when the caller has pressed the key."""
        call.due_us = self._step.now_us + APPROVAL_US
        call.too_late = NO_KEY
        self.waiting.append(call)
        self._step.report("tool_approval_asked", tool=call.name)
        if self._session.now.appended.ready:
            self._ask(call)
        self._functions.speak()

    def _ask(self, call: FunctionCall) -> None:
        self._number += 1
        self._step.tell(f"approval_{self._number}", ASK.format(name=call.name))

    def response_created(self) -> None:
        """The model has begun to say what it was told to, unless it was asked for something else."""
        if not self._session.now.responses.parameters:
            self._asked = len(self.waiting)

    @property
    def asked(self) -> bool:
        """The caller has been asked for a key: the next is the answer to that, and nothing else."""
        if self.waiting:
            self.look()
        return bool(self._asked)

    def pressed(self, digit: str) -> None:
        """The caller has answered the question."""
        call = self.waiting.pop(0)
        self._asked -= 1
        self._step.report("tool_approved" if digit == YES else "tool_not_approved", tool=call.name)
        if digit == YES:
            self._functions.start(call)
        else:
            self._functions.answer(call.call_id, REFUSED)

    def look(self) -> None:
        """Forget calls that were answered otherwise, since their time was over or they were called off."""
        held = [call.stage is CallStage.HELD for call in self.waiting]
        self._asked = sum(held[: self._asked])
        self.waiting = [call for call in self.waiting if call.stage is CallStage.HELD]

    def session_ready(self) -> None:
        """A session is there: it is to know what the caller is asked for."""
        self.look()
        for call in self.waiting:
            self._ask(call)
