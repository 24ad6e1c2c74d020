"""Who has the floor, and until when: the state of a call and the deadline that goes with it."""

from __future__ import annotations

from bot.call.conversation.state_deadlines import StateDeadlines
from bot.call.outputs import EndReason
from bot.call.session.session_state import CurrentSession
from bot.call.states import Happening, State, after
from bot.call.step import Step


class StateMachine:
    """Moves through the table of states as things happen."""

    def __init__(self, step: Step, limits: StateDeadlines, session: CurrentSession) -> None:
        self.state = State.OPENING
        self._session = session
        self._step = step
        self._limits = limits

    def happen(self, happening: Happening) -> None:
        before, self.state = self.state, after(self.state, happening)
        if self.state is not before or happening is Happening.AUDIO:
            self._limits.entered(self.state, self._step.now_us)

    @property
    def caller_speaking(self) -> bool:
        """The caller speaks, as far as the session at hand has told."""
        return self._session.now.speech_us is not None

    def caller_started(self) -> None:
        session = self._session.now
        if session.speech_us is None:
            session.speech_us = self._step.now_us

    def caller_stopped(self) -> None:
        session = self._session.now
        session.speech_us = None
        session.answer_due = session.answer_due or self.state is State.HEARING
        self.happen(Happening.SPEECH_STOPPED)

    @property
    def answer_due(self) -> bool:
        """The caller's turn is over and the server has yet to start its answer."""
        return self._session.now.answer_due

    def session_ready(self) -> None:
        """There is a session again: what is waited for is waited for from here on."""
        self._limits.entered(self.state, self._step.now_us)

    def response_started(self, *, suppressed: bool) -> None:
        """The model starts to answer; a response that was suppressed before it was made is no answer."""
        self._session.now.answer_due = self.answer_due and suppressed
        self.happen(Happening.RESPONSE_STARTED)

    def apologised(self) -> None:
        """The caller is told that there is no answer: none is due any more."""
        self._session.now.answer_due = False
        if self.state is not State.OPENING:
            self.happen(Happening.AUDIO)

    def close(self, reason: EndReason) -> None:
        """The call is about to end: no state may last for ever any more."""
        self._limits.close(self.state, self._step.now_us, reason)

    def line_silent(self, *, response_awaited: bool) -> bool:
        """Nothing plays and nothing waits to be played: whether that was all, so that the call can be hung up."""
        if self.state is State.SPEAKING:
            self._played_out(response_awaited=response_awaited)
        elif self.state is State.THINKING and not response_awaited and not self.answer_due:
            self.happen(Happening.RESPONSE_OVER)
        elif self.state is State.CLOSING and response_awaited:
            self._limits.goodbye_missing(self._step.now_us)
        return self.state is State.CLOSING and not response_awaited

    def _played_out(self, *, response_awaited: bool) -> None:
        self.happen(Happening.PLAYED_OUT)
        if self.caller_speaking:
            self.happen(Happening.SPEECH_STARTED)
        elif response_awaited:
            self.happen(Happening.RESPONSE_STARTED)
