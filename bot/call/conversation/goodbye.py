"""The end of a call that has used up a bound, such as its money or its time: never in the middle of a sentence.

Near a bound the model is told once to wrap up (bot.call.rules.wrap_up). At it what is being said is finished; then,
when nobody speaks, the model is asked for one last response, a goodbye, and when that has been heard the call ends. The
caller may interrupt, and gets no other answer. A goodbye that fails or does not come is left to the shell, which has a
sentence for it.

Both requests are system items at the end of the conversation: instructions or tools of a response's own would have the
whole conversation billed afresh (openai-realtime 7, cache busters), which is no way to save money.
"""

from __future__ import annotations

from typing import Any

from bot.call.conversation.floor import Floor
from bot.call.machines import GOODBYE as MOVES
from bot.call.machines import GoodbyeStage, Move
from bot.call.outputs import EndReason
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.session.response_status import in_words
from bot.call.session.session_state import CurrentSession
from bot.call.states import Happening
from bot.call.step import Step, part
from bot.realtime.events import Response

GOODBYE_ITEM = "goodbye"
GOODBYE = (
    "The call has to end now. In one or two short sentences, in the language of the conversation, tell the caller that "
    "you have to end the call here, and say goodbye. Ask nothing and promise nothing."
)
PURPOSE = {"purpose": "goodbye"}
"""The mark of the goodbye among responses: the server gives metadata back."""
PARAMETERS: dict[str, Any] = {"tool_choice": "none", "max_output_tokens": 400, "metadata": PURPOSE}
"""400 tokens are 20 s of speech, or less of it and what a reasoning model thinks before."""
MAX_TRIES = 3
"""A caller who speaks before anything of a goodbye was heard gets it after their turn, so often and no oftener."""


@part
class Goodbye:
    """Moves the goodbye on (`goodbye_stage` of the floor); `why` is the reason for it, once a bound is reached."""

    _step: Step
    _floor: Floor
    _session: CurrentSession
    _playout: PlayoutQueue

    def __post_init__(self) -> None:
        self.why: EndReason = "bot_hung_up"
        self._tries = 0
        self._words, self._parameters = GOODBYE, PARAMETERS
        self._response_id: str | None = None
        """The id of the goodbye that may be heard."""

    @property
    def closing(self) -> bool:
        """A bound is reached, and the goodbye is to come."""
        return self._floor.goodbye_stage is not GoodbyeStage.NONE

    @property
    def heard(self) -> bool:
        """The caller has heard the goodbye to its end."""
        return self._floor.goodbye_stage is GoodbyeStage.HEARD

    def _move(self, move: Move) -> None:
        self._floor.goodbye_stage = MOVES[self._floor.goodbye_stage, move]

    def close(self, why: EndReason, words: str = GOODBYE, longest_tokens: int = 400) -> None:
        """From here on there is no response but the goodbye, which is asked for in these words."""
        self._words, self._parameters = words, {**PARAMETERS, "max_output_tokens": longest_tokens}
        self._move(Move.BOUND_REACHED)
        self.why = why
        self._session.now.responses.close()
        self._floor.close(why)
        self._floor.take_turns()

    def broken_off(self) -> None:
        """The session is lost, and no goodbye made to its end: of one that will be heard there is no second."""
        if self._response_id is not None and self._floor.goodbye_stage is not GoodbyeStage.MADE:
            sounded = self._playout.ledger.of_response(self._response_id)
            self._move(Move.CUT_BEGUN if sounded else Move.CUT_UNHEARD)
            self._response_id = None

    def session_ready(self) -> None:
        """Another session took over: it is to know what the one before was told."""
        if self.closing:
            self._floor.take_turns()

    # ---- the goodbye ----

    def go_on(self, *, ready: bool) -> bool:
        """The line is silent. While closing, when no response is to come, ask for the goodbye. True once all is over.

        `ready`: there is a session to ask.
        """
        session = self._session.now
        if self._floor.caller_speaking or session.responses.awaited:
            return False
        if session.turn_ownership.server_acts and self._floor.answer_due:  # it comes first, and is cancelled
            return False
        if self._floor.goodbye_stage in {GoodbyeStage.SPOILT, GoodbyeStage.HEARD} or self._tries == MAX_TRIES:
            return True
        if not ready:
            return False
        if not session.knows_goodbye:
            session.knows_goodbye = True
            self._step.tell(GOODBYE_ITEM, self._words)
        self._tries += 1
        session.responses.want_last(self._parameters)
        self._floor.ask()
        self._floor.happen(Happening.HANG_UP_ASKED)
        self._floor.line_silent(response_awaited=True)  # it is waited for, but not for ever
        return False

    def allows(self, response: Response) -> bool:
        """True if a response that was made may be heard. While closing the server may not answer by itself.

        It may have done so before it knew.
        """
        return not self.closing or self._is_ours(response)

    def _is_ours(self, response: Response) -> bool:
        """By what it gives back of our request; xAI gives nothing back: by whether it can be anything else."""
        if response.metadata == PURPOSE:
            return True
        session = self._session.now
        own_answer = session.turn_ownership.server_may_answer and self._floor.answer_due
        return session.responses.last_asked_for and not own_answer

    def created(self, response: Response) -> None:
        """A response that may be was made; a goodbye that the caller spoke over before it was made is none."""
        if self.closing and not self._session.now.responses.suppressed(response.id):
            self._response_id = response.id
            self._move(Move.BEGUN)

    def interrupted(self) -> None:
        """The bot is about to be cut short. Who has begun to hear a goodbye hears no second one."""
        if self._response_id is not None:
            entries = self._playout.ledger.heard(self._step.now_us)
            goodbye = [entry for entry in entries if entry.response_id == self._response_id]
            if self._floor.goodbye_stage is GoodbyeStage.MADE and all(entry.finished for entry in goodbye):
                self._move(Move.PLAYED_OUT)
            else:
                self._move(Move.CUT_BEGUN if any(entry.heard for entry in goodbye) else Move.CUT_UNHEARD)
            self._response_id = None

    def response_done(self, response: Response) -> bool:
        """A response is over. True if it was the goodbye, which is not tried again when it went wrong."""
        if response.id != self._response_id:
            return False
        complete = self._playout.ledger.of_response(response.id) and response.status == "completed"
        self._move(Move.COMPLETED if complete else Move.FAILED)
        if not complete:
            self._step.warn("goodbye_failed", details=in_words(response))
        return True

    def played_out(self) -> None:
        """All that was said has been heard, and the call is about to end."""
        self._move(Move.PLAYED_OUT)

    def reason(self, reason: EndReason) -> EndReason:
        """The reason of the end: what made the call close, once something did, whatever kept us from saying so."""
        early = reason in {"time_limit", "model_unavailable"}
        ours = self.closing and (early or (self._tries and reason == "bot_hung_up"))
        return self.why if ours else reason
