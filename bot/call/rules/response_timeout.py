"""Response timeout: the caller waits for an answer, with fillers, and not for ever.

They wait from the end of their turn, or of what was playing, until something of an answer plays. An answer that does
not come in time is given up, as is one that breaks off; what follows is for bot.call.rules.retries to say.
"""

from __future__ import annotations

from dataclasses import InitVar

from bot.call.conversation.barge_in import BargeIn
from bot.call.conversation.floor import Floor
from bot.call.outputs import EndReason
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.filler import Filler
from bot.call.rule import NEVER_US, Rule
from bot.call.rules.retries import Retries
from bot.call.session.session_state import CurrentSession
from bot.call.states import State
from bot.call.step import Step, part


@part
class ResponseTimeout(Rule):
    """Looks after each step that moved the call whether the caller waits. `response_s` 0: they wait for ever."""

    response_s: InitVar[float]
    _step: Step
    _floor: Floor
    _session: CurrentSession
    _playout: PlayoutQueue
    _interrupt: BargeIn
    _filler: Filler
    _retries: Retries

    def __post_init__(self, response_s: float) -> None:
        self._answer_us = round(response_s * 1_000_000)
        self._since_us: int | None = None
        """Moment at which the attempt at hand began; None while no answer is waited for."""
        self._quiet_us = 0
        """Moment at which the last audio that was no filler had been played."""

    def look(self) -> None:
        floor, started, ready = self._floor, bool(self._playout.stream_sid), self._session.now.appended.ready
        session = self._session.now
        waits = started and floor.caller_waits() and not session.remote_calls  # for those bot.call.rules.meanwhile is
        self._filler.wait(waits=waits or (started and not ready and floor.conversing))
        closing = floor.state is State.CLOSING  # for a goodbye, bot.call.conversation.state_deadlines has its bound
        if closing or session.unlisted or not (waits and ready):
            self._since_us = None
        elif self._since_us is None:
            self._since_us = self._step.now_us
        self._listen()
        self.due_us = self._overdue_us()

    def _listen(self) -> None:
        """Moment at which all that is no filler will have been played."""
        ledger = self._playout.ledger
        last = ledger.last
        if last is None or not last.aside:
            self._quiet_us = ledger.end_us() or 0

    def _overdue_us(self) -> int:
        if self._since_us is None or not self._answer_us or self._playout.waiting:
            return NEVER_US
        return max(self._since_us, self._quiet_us) + self._answer_us

    def due(self) -> EndReason | None:
        """Deltas that came meanwhile may have put it off."""
        self._listen()
        self.due_us = self._overdue_us()
        if self._step.now_us < self.due_us:
            self._step.follows = "what is due"
            return None
        return "model_unavailable" if self._give_up() else None

    def _give_up(self) -> bool:
        """No answer came in time: whether that ends the call."""
        response_id = self._interrupt.abandon()
        self._since_us = self._step.now_us
        self._session.now.answer_due = False  # the server's own is waited for no more
        return self._retries.overdue(response_id)

    def response_done(self) -> None:
        """A response is over: if another is to come, its time counts from here."""
        self._since_us = None
