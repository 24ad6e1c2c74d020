"""The transfer of the caller to a person, by the model's wish or the operator's: to a name on the operator's list.

First it is found out if the destination may be promised; the model learns why not, or tells the caller. Once the caller
has heard that, the bot's stream ends, and Twilio rings the person. A caller who speaks before is not put through: the
model listens, and asks again.
"""

from __future__ import annotations

import msgspec

from bot.call.conversation.floor import Floor
from bot.call.handoff.end_call import heard_of_caller
from bot.call.inputs import TransferChecked, TransferWanted
from bot.call.machines import TRANSFER, Move, TransferStage
from bot.call.outputs import CheckTransfer, EndReason, Transfer
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.greeting import Greeting
from bot.call.rule import NEVER_US, Rule
from bot.call.session.session_state import CurrentSession
from bot.call.states import Happening
from bot.call.step import Step, part
from bot.call.tool_calls.asked_calls import FunctionCall
from bot.call.tool_calls.function_calls import FunctionCalls
from bot.call.transcript.transcript import Transcript

TRANSFER_CALL = "transfer_call"
MAX_SUMMARY = 500
"""Letters of a summary that are told: half a minute of speech."""
CHECK_US = 5_000_000
"""The longest that a check may take, whatever the shell does."""
PROMISE_US = 5_000_000
"""The longest that the model may take to begin its promise; then the caller is put through without one."""

TOO_EARLY = "The caller has said nothing yet, so they were not transferred. Wait for what they say."
NOT_NOW = (
    "The caller started to speak, so they were not transferred. Listen, and call this again if they still want it."
)
ENDING = "The call is being ended already, so the caller was not transferred."
UNDER_WAY = "The caller is being transferred already."
UNTOLD = "It can't be told at the moment if the destination is free, so the caller can't be transferred there."
BAD = "There is no such destination, so the caller was not transferred. The destinations are: {names}."
PROMISE = (
    "The destination can be rung. Tell the caller in one short sentence that you are connecting them now; they are put "
    "through as soon as they have heard it. Ask nothing and call no function."
)
_GOES_ON: frozenset[EndReason] = frozenset({"bot_hung_up", "model_unavailable"})
DROPPED_ITEM = "transfer_dropped"


class Wish(msgspec.Struct, frozen=True):
    """Arguments of the model's call."""

    destination: str
    summary: str = ""


@part
class TransferCall(Rule):
    """The built-in function `transfer_call`. Moves the floor's transfer."""

    name = TRANSFER_CALL

    _names: tuple[str, ...]
    _step: Step
    _session: CurrentSession
    _floor: Floor
    _functions: FunctionCalls
    _greeting: Greeting
    _transcript: Transcript
    _playout: PlayoutQueue

    def __post_init__(self) -> None:
        self._call_id = ""
        self._to = Transfer("", "")
        self._dropped = 0
        self._asked_before = -1
        """Number of the response that had been asked for as the promise became due: it knows nothing of it."""

    # ---- the model asks, or the operator ----

    def wanted(self, note: TransferWanted) -> None:
        """The operator asks: the call is in the conversation as if the model had made it."""
        arguments = msgspec.json.encode(Wish(note.destination, note.summary)).decode()
        self._functions.called_by_person(f"operator_{self._step.now_us}", TRANSFER_CALL, arguments)

    def called(self, call: FunctionCall) -> None:
        unheard = not heard_of_caller(self._step, self._transcript) or self._greeting.made_by(call.response_id)
        if unheard and not call.by_person:
            self._step.report("transfer_refused", why="too_early")
            self._functions.refuse(call.call_id, TOO_EARLY)
            return
        in_the_way = self._in_the_way()
        if in_the_way:
            self._step.report("transfer_refused", why="not_now")
            self._functions.answer(call.call_id, in_the_way, respond=False)
            return
        wish = self._wish(call)
        if wish is None:
            self._step.report("transfer_refused", why="no_such_destination")
            self._functions.answer(call.call_id, BAD.format(names=", ".join(self._names)))
            return
        self._call_id, self._to = call.call_id, wish
        self._move(Move.ASKED, CHECK_US)
        self._step.report("transfer_asked", destination=wish.destination)
        self._step.send(CheckTransfer(call.call_id, wish.destination))

    def _in_the_way(self) -> str:
        if self._floor.transfer_stage is not TransferStage.NONE:
            return UNDER_WAY
        if self._floor.ending:
            return ENDING
        return NOT_NOW if self._floor.caller_speaking and not self._floor.taken_over else ""

    def _wish(self, call: FunctionCall) -> Transfer | None:
        """The transfer that is asked for; None for a destination that is not on the list."""
        wish = call.parsed(Wish)
        if wish is None or wish.destination not in self._names:
            return None
        return Transfer(wish.destination, " ".join(wish.summary.split())[:MAX_SUMMARY])

    # ---- it may be promised, or not ----

    def checked(self, note: TransferChecked) -> EndReason | None:
        """The shell has found out if the destination is free. For an operator who has the call it is time to go."""
        if self._floor.transfer_stage is not TransferStage.CHECKING or note.call_id != self._call_id:
            self._step.follows = "what is due"
            return None
        call = self._functions.calls.get(self._call_id)
        if note.refused:
            self._refuse(note.refused)
        elif self._floor.taken_over:
            self._promised()
            return "bot_hung_up"
        elif call is not None and self._playout.ledger.of_response(call.response_id):
            self._leave()  # the model has told the caller as it asked
        else:
            self._move(Move.ALLOWED, PROMISE_US)
            responses = self._session.now.responses
            self._asked_before = responses.requests if responses.asked else -1
            self._functions.answer(self._call_id, PROMISE)
        return None

    def _refuse(self, why: str) -> None:
        self._move(Move.DROPPED)
        self._step.report("transfer_refused", why="not_free", destination=self._to.destination)
        self._functions.answer(self._call_id, why)

    def response_created(self) -> None:
        """A response is made that may be heard: the promise, if one is due, unless something else was asked for."""
        responses = self._session.now.responses
        its_own = not responses.parameters and responses.requests != self._asked_before
        if self._floor.transfer_stage is TransferStage.PROMISING and its_own:
            self._leave()

    def _leave(self) -> None:
        self._promised()
        self._floor.hang_up_asked = True
        self._floor.happen(Happening.HANG_UP_ASKED)

    def _promised(self) -> None:
        self._move(Move.PROMISED)
        self._step.report("transfer_promised", destination=self._to.destination)

    def due(self) -> EndReason | None:
        """No answer came in time: nothing is promised, or the caller is put through without a promise."""
        if self._floor.transfer_stage is TransferStage.CHECKING:
            self._refuse(UNTOLD)
        elif self._floor.transfer_stage is TransferStage.PROMISING:
            self._leave()
        self.due_us = NEVER_US
        return None

    # ---- the caller speaks, or is put through ----

    def drop(self, why: str = NOT_NOW) -> None:
        """The caller speaks, or an operator: they are not put through, and the model is told so, once."""
        self._move(Move.DROPPED)
        self._floor.hang_up_asked = False
        self._step.report("transfer_dropped", destination=self._to.destination)
        call = self._functions.calls.get(self._call_id)
        if call is not None and call.open:
            self._functions.answer(self._call_id, why, respond=False)
            return
        self._functions.correct(self._call_id, why)
        if self._session.now.appended.ready:
            self._dropped += 1
            self._step.tell(f"{DROPPED_ITEM}_{self._dropped}", why)

    def reason(self, reason: EndReason) -> EndReason:
        """The reason of the end: a call that is closed for a transfer goes to the person, also if the model fails."""
        if self._floor.transfer_stage not in {TransferStage.PROMISING, TransferStage.LEAVING} or reason not in _GOES_ON:
            return reason
        self._step.send(self._to)
        return "transferred"

    def _move(self, move: Move, within_us: int = 0) -> None:
        self._floor.transfer_stage = TRANSFER[self._floor.transfer_stage, move]
        self.due_us = self._step.now_us + within_us if within_us else NEVER_US
