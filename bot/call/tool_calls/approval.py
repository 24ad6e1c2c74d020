"""Approval of a tool by the caller: one key for yes, any other for no.

A key is theirs alone: what they say is heard by the model, which may take anything for a yes. It counts once they have
heard what they are asked, by the ledger: a key from before is no answer to it, and told to the model as any.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.audio.payload import BYTES_PER_MS
from bot.call.conversation.floor import Floor
from bot.call.machines import CallStage
from bot.call.playout.ledger import Entry
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.call.tool_calls.asked_calls import FunctionCall
from bot.call.tool_calls.function_calls import FunctionCalls

YES = "1"
APPROVAL_US = 45_000_000
"""From the call of the tool to the key: the question, and a caller who looks for the keypad."""
HEARD_MS = 1_000
"""The least of a question that is heard before it is answered, unless it is shorter: and half of it, in which the model
says what the tool will do, as it was told to. A key that comes sooner is one that the caller had in mind before."""
ASK = (
    "The tool {name} waits for the caller's approval. In one short sentence tell the caller what it will do, and ask "
    "them to press 1 on their phone to confirm, or any other key to refuse. Only the key counts. If you are told of "
    "keys meanwhile, they came before the caller had heard the question: they approve nothing, so ask again. Do not "
    "call the tool again: its result comes by itself."
)
REFUSED = "The caller pressed a key to refuse, so nothing was done."
NO_KEY = "The caller pressed no key in time, so nothing was done."
TAKEN_OVER = "A colleague has the call, so the caller was not asked, and nothing was done."


@dataclass
class Question:
    """A call that is held, and what was said to the caller since: any response may be the one that asks."""

    call: FunctionCall
    said: dict[str, list[Entry]] = field(default_factory=dict)
    """Audio of each response that was made since, in the order of playing."""

    def heard(self, making: str | None) -> bool:
        """One of them was heard long enough to answer it, by what the ledger has entered. `making`: is not over yet."""
        return any(_long_enough(entries, making=one == making) for one, entries in self.said.items())


def _long_enough(entries: list[Entry], *, making: bool) -> bool:
    heard, received = sum([one.heard for one in entries]), sum([one.received for one in entries])
    enough = max(HEARD_MS * BYTES_PER_MS, received // 2)
    whole = not making and all(one.done for one in entries)  # no more of it comes, nor was it cut short
    return 0 < heard >= (min(enough, received) if whole else enough)


@part
class Approval:
    """Holds calls of tools that need a key. The oldest is asked about first, and answered first."""

    _step: Step
    _session: CurrentSession
    _floor: Floor
    _speaking: PlayoutQueue
    _functions: FunctionCalls

    def __post_init__(self) -> None:
        self.waiting: list[Question] = []
        self._number = 0
        self._functions.on_approval = self.hold

    def hold(self, call: FunctionCall) -> None:
        """The tool of this call is run when the caller has pressed the key, unless nobody can ask them for it."""
        if self._floor.taken_over:
            self._functions.answer(call.call_id, TAKEN_OVER, respond=False)
            return
        call.due_us = self._step.now_us + APPROVAL_US
        call.too_late = NO_KEY
        self.waiting.append(Question(call))
        self._step.report("tool_approval_asked", tool=call.name)
        if self._session.now.appended.ready:
            self._ask(call)
        self._functions.speak()

    def _ask(self, call: FunctionCall) -> None:
        self._number += 1
        self._step.tell(f"approval_{self._number}", ASK.format(name=call.name))

    def response_created(self, response_id: str) -> None:
        """The model has begun to say what it was told to, unless it was asked for something else."""
        if not self._session.now.responses.parameters:
            for question in self.waiting:
                question.said[response_id] = []

    def sounds(self, fresh: Iterable[Entry]) -> None:
        """The first bytes of these were handed over."""
        for entry in fresh:
            for question in self.waiting:
                if entry.response_id in question.said:
                    question.said[entry.response_id].append(entry)

    @property
    def asked(self) -> bool:
        """The caller has heard what they are asked: the next key is the answer to that, and nothing else."""
        self._look()
        if not self.waiting:
            return False
        self._speaking.ledger.heard(self._step.now_us)
        return self.waiting[0].heard(self._session.now.responses.active)

    @property
    def sounding(self) -> bool:
        """Something was said that may ask: it takes no more than time until a key is the answer."""
        self._look()
        return bool(self.waiting) and any(self.waiting[0].said.values())

    def pressed(self, digit: str) -> None:
        """The caller has answered the question."""
        call = self.waiting.pop(0).call
        self._step.report("tool_approved" if digit == YES else "tool_not_approved", tool=call.name)
        if digit == YES:
            self._functions.start(call)
        else:
            self._functions.answer(call.call_id, REFUSED)

    def drop(self) -> None:
        """An operator has the call: what the bot says once it has it again would pass for the question."""
        self._look()
        dropped, self.waiting = self.waiting, []
        for question in dropped:
            self._step.report("tool_not_approved", tool=question.call.name)
            self._functions.answer(question.call.call_id, TAKEN_OVER, respond=False)

    def _look(self) -> None:
        """Forget calls that were answered otherwise, since their time was over or they were called off."""
        self.waiting = [one for one in self.waiting if one.call.stage is CallStage.HELD]

    def session_ready(self) -> None:
        """A session is there: it is to know what the caller is asked for."""
        self._look()
        for question in self.waiting:
            self._ask(question.call)
