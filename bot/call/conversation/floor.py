"""The floor: who has it, and who may speak. The one owner of that decision.

Others tell it what they know (the notice was heard, how far greeting and goodbye are, the caller speaks, an operator
has the call) and ask it: may the caller interrupt, may the bot begin, may a prompt or a filler sound, may the call be
closed. The answers stand in MAY, by the state of the call, and in the few facts beside it that a question names.
"""

from __future__ import annotations

from dataclasses import InitVar

from bot.call.conversation.state_deadlines import StateDeadlines
from bot.call.machines import (
    KEYPAD,
    OPERATOR,
    STREAM,
    AnswerStage,
    GoodbyeStage,
    GreetingStage,
    KeypadStage,
    Move,
    OperatorStage,
    StreamStage,
    TransferStage,
)
from bot.call.outputs import EndReason
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.greeting import Greeting
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.states import FOLLOWING, Happening, Keyed, State
from bot.call.step import Step, part


class Act(Keyed):
    """Things that somebody may want to do with the floor."""

    ASK = "ask the model for a response"
    ANSWER_ITSELF = "let the server answer each turn by itself"
    PROMPT = "ask a silent caller whether they are there, or change the session"
    APOLOGISE = "tell the caller that there is no answer"
    CLOSE = "close the call for a bound"


_TALK = frozenset({Act.ASK, Act.ANSWER_ITSELF, Act.APOLOGISE})

MAY: dict[State, frozenset[Act]] = {
    State.OPENING: _TALK,
    State.LISTENING: _TALK | {Act.PROMPT, Act.CLOSE},
    State.HEARING: _TALK | {Act.CLOSE},
    State.THINKING: _TALK | {Act.CLOSE},
    State.SPEAKING: _TALK | {Act.CLOSE},
    State.CLOSING: frozenset({Act.ASK, Act.ANSWER_ITSELF}),
    State.ENDED: frozenset(),
}
WHILE_THE_CALLER_SPEAKS = frozenset({Act.CLOSE})
"""The only one of these: nobody talks into a caller who speaks."""
WHILE_CLOSING = frozenset({Act.ASK, Act.PROMPT})
"""The only ones once a goodbye is due: the gate asks for no response but the goodbye."""
WHILE_NO_PERSON_IS_THERE = frozenset({Act.ASK})
"""The only one until a person has answered a call that we made: what is asked for may wait, or be for a machine."""
WHILE_TAKEN_OVER = frozenset({Act.CLOSE})
"""The only one while an operator speaks with the caller: the bounds of a call hold for everybody."""
LISTENED_TO = frozenset({AnswerStage.MACHINE, AnswerStage.SCREENED, AnswerStage.OVER})
"""Stages in which not even that is asked for: it would be heard by whom it is not for."""
HUSHED = frozenset({AnswerStage.UNKNOWN, AnswerStage.MACHINE, AnswerStage.SCREENED, AnswerStage.OVER})
"""Stages in which nothing may be heard of the bot."""
CONVERSING = frozenset({AnswerStage.PERSON, AnswerStage.CONVERSATION})
SURE = frozenset({AnswerStage.CONVERSATION, AnswerStage.MESSAGE})


@part
class Floor:
    """Moves through the table of states as things happen, and answers who may speak."""

    settings: InitVar[CallSettings]
    _step: Step
    _state_deadlines: StateDeadlines
    _playout: PlayoutQueue
    _session: CurrentSession
    _greeting: Greeting

    def __post_init__(self, settings: CallSettings) -> None:
        self.state = State.OPENING
        self.greeting_stage = GreetingStage.UNHEARD if settings.greets else GreetingStage.HEARD
        self.goodbye_stage = GoodbyeStage.NONE
        listens = settings.outgoing and not settings.resume
        self.answer_stage = AnswerStage.UNKNOWN if listens else AnswerStage.CONVERSATION
        self.keypad_stage = KeypadStage.QUIET
        self.stream_stage = StreamStage.HERE
        self.operator_stage = OperatorStage.AWAY
        self.transfer_stage = TransferStage.NONE
        self.notice_heard = not settings.announcement_audio
        """The announcement, if there is one, has certainly been heard."""
        self.hang_up_asked = False
        """The model wishes to hang up, and the caller has said nothing since."""
        self.tools_running = 0
        """Number of tools whose results the caller waits for: their silence is none that counts."""
        self.let_in = 0
        """Number of times the caller spoke and was let in: the answer to that is another one."""
        self._barge_in = settings.barge_in

    # ---- who may speak ----

    def may(self, act: Act) -> bool:
        """Tell what may be done with the floor as it stands, by the five tables."""
        return (
            act in MAY[self.state]
            and (self.stream_stage is StreamStage.HERE or act is Act.ANSWER_ITSELF)
            and (not self.caller_speaking or act in WHILE_THE_CALLER_SPEAKS)
            and (self.goodbye_stage is GoodbyeStage.NONE or act in WHILE_CLOSING)
            and (not self.taken_over or act in WHILE_TAKEN_OVER)
            and (self.person_there or (act in WHILE_NO_PERSON_IS_THERE and self.answer_stage not in LISTENED_TO))
        )

    def may_interrupt(self) -> bool:
        """A caller who speaks now may cut the bot short."""
        if not self.notice_heard or self._barge_in == "off" or not self.conversing:
            return False
        return self._barge_in == "on" or self._greeting.over(self._step.now_us)

    def ask(self) -> None:
        """Ask for the response that is wanted, if the bot may begin now.

        What is asked for while the server is about to answer by itself would be taken for its answer.
        """
        session, unheard = self._session.now, self.greeting_stage is not GreetingStage.HEARD
        if (
            session.unlisted
            or not self.may(Act.ASK)
            or (unheard and session.answer_due and session.turn_ownership.server_owns)
        ):
            return
        request = session.responses.release()
        if request is not None:
            self._step.send(request)

    def allows_response(self) -> bool:
        """A response that was made may be heard, unless it is the server's own and those it is for do not listen.

        Nobody has answered yet, an operator speaks, the caller presses keys, or the stream is away.
        """
        session = self._session.now
        if session.responses.asked:
            return True
        listens = self.keypad_stage is KeypadStage.QUIET and self.stream_stage is StreamStage.HERE
        here = (self.sure or self.person_there) and not self.taken_over
        return here and (listens or not session.turn_ownership.server_may_answer)

    def turn_away(self, response_id: str) -> None:
        """The server has made a response by itself of which nothing may be heard now: it is cancelled."""
        responses = self._session.now.responses
        responses.intruded(response_id)
        self._step.send(responses.cancel(response_id, self._step.event_id("cancel")))
        self.response_started(suppressed=False)

    @property
    def person_there(self) -> bool:
        """A person has answered, as far as is known; in a call that came in, always."""
        return self.answer_stage in CONVERSING

    @property
    def taken_over(self) -> bool:
        """An operator speaks with the caller in the bot's place."""
        return self.operator_stage is OperatorStage.SPEAKING

    @property
    def conversing(self) -> bool:
        """A person is there, and it is the bot that speaks with them."""
        return self.person_there and not self.taken_over

    @property
    def may_be_taken_over(self) -> bool:
        """An operator who waits may begin: a caller is there for certain, and has heard that the call is recorded."""
        there = self.answer_stage is AnswerStage.CONVERSATION and self.stream_stage is StreamStage.HERE
        return there and self.notice_heard and self.state is not State.OPENING

    @property
    def sure(self) -> bool:
        """Nobody looks any more into who has answered."""
        return self.answer_stage in SURE

    @property
    def hushed(self) -> bool:
        """Nothing may be heard: it is not known who listens, or it is nobody."""
        return self.answer_stage in HUSHED

    def may_hand_over_turns(self) -> bool:
        """Nothing stands any more against the server's answering by itself."""
        return (
            self.sure
            and self.notice_heard
            and self.greeting_stage is GreetingStage.HEARD
            and self.may(Act.ANSWER_ITSELF)
        )

    @property
    def calm(self) -> bool:
        """No answer is being made, and the caller does not speak."""
        return not self.caller_speaking and not self._session.now.responses.busy

    def silent(self) -> bool:
        """Nobody speaks and nothing is expected: a prompt may sound."""
        listening = self.may(Act.PROMPT) and not self._session.now.responses.awaited and not self.tools_running
        return listening and not self._playout.has_floor(self._step.now_us)

    def quiet(self) -> bool:
        """Nobody speaks, and no answer is being made or due: the bot may begin of its own accord."""
        return self.may(Act.PROMPT) and self.quiet_but_for_sound() and not self._playout.has_floor(self._step.now_us)

    def quiet_but_for_sound(self) -> bool:
        """The same, when what was made is heard to its end, by somebody who is there to hear it."""
        busy = self.caller_speaking or self.answer_due or self._session.now.responses.awaited
        there = self.conversing and self.stream_stage is StreamStage.HERE
        return there and not busy and not self.ending

    def waits_for_remote_call(self) -> bool:
        """The caller waits for a tool that the server calls within its response, and for nothing else."""
        session = self._session.now
        return bool(session.remote_calls) and not (self.caller_speaking or session.answer_due or self.ending)

    def caller_waits(self) -> bool:
        """Something is owed to a caller who does not speak: a filler may sound."""
        if self.stream_stage is not StreamStage.HERE:
            return False
        waits = self.state is State.THINKING or self._session.now.responses.awaited
        return self.conversing and waits and not self.caller_speaking

    def bot_speaks(self) -> bool:
        """The bot has the floor, or is about to: a caller who speaks now interrupts."""
        return self._playout.has_floor(self._step.now_us) or self._session.now.responses.busy

    def cuttable(self) -> bool:
        """There is something to cut: audio that may still be heard, or a response being made."""
        return self._playout.interruptible(self._step.now_us) or self._session.now.responses.busy

    @property
    def ending(self) -> bool:
        """The call is to end, and a goodbye is the next that is said, if anything is."""
        return self.state is State.CLOSING or self.goodbye_stage is not GoodbyeStage.NONE

    # ---- what happens ----

    def happen(self, happening: Happening) -> None:
        before, following = self.state, FOLLOWING[self.state, happening]
        self.state = self._state_deadlines.state = following
        if self._state_deadlines.watches and (following is not before or happening is Happening.AUDIO):
            self._state_deadlines.entered(following, self._step.now_us)

    @property
    def caller_speaking(self) -> bool:
        """The floor is the caller's: they speak or press keys, or are waited for to press those of a tool."""
        return self.caller_heard or self.keypad_stage is KeypadStage.HIDDEN

    @property
    def caller_heard(self) -> bool:
        """The caller speaks, as far as the session at hand has told, or presses keys: they may miss what is said."""
        return self._session.now.speech_us is not None or self.keypad_stage is KeypadStage.GATHERING

    @property
    def answer_due(self) -> bool:
        """The caller's turn is over and the server has yet to start its answer."""
        return self._session.now.answer_due

    def caller_started(self) -> None:
        session = self._session.now
        if session.speech_us is None:
            session.speech_us = self._step.now_us

    def caller_stopped(self) -> None:
        session = self._session.now
        session.speech_us = None
        session.answer_due = session.answer_due or (self.state is State.HEARING and not self.taken_over)
        if not self.caller_speaking:
            self.happen(Happening.SPEECH_STOPPED)

    def take_turns(self) -> None:
        """From here on the turns are ours, where the server can listen and leave the rest to us.

        Elsewhere it answers, and its answer is cancelled. A session that was told nothing yet is told this once it is
        ready, by whoever takes the turns.
        """
        ownership = self._session.now.turn_ownership
        if ownership.told and ownership.may_leave and ownership.server_may_answer:
            self._step.send(ownership.update(self._step.event_id("session"), server_owns=False))

    def operator_moves(self, move: Move) -> None:
        """An operator wants the call, has it, or gives it back."""
        self.operator_stage = OPERATOR[self.operator_stage, move]
        if move is Move.TAKEN_OVER:
            self._session.now.answer_due = False
            self.happen(Happening.TAKEN_OVER)
            if self.caller_speaking:
                self.happen(Happening.SPEECH_STARTED)

    def stream_moves(self, move: Move) -> None:
        """The stream is to be left, has been, or the next one has started."""
        self.stream_stage = STREAM[self.stream_stage, move]

    def keys_move(self, move: Move) -> None:
        """The caller presses a key, or all of them that belong together have come."""
        self.keypad_stage = KEYPAD[self.keypad_stage, move]
        if not self.caller_speaking:
            self.happen(Happening.SPEECH_STOPPED)

    def session_ready(self) -> None:
        """There is a session again: what is waited for is waited for from here on."""
        self._state_deadlines.entered(self.state, self._step.now_us)

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
        self._state_deadlines.close(self.state, self._step.now_us, reason)

    def line_silent(self, *, response_awaited: bool) -> bool:
        """Nothing plays and nothing waits to be played. True if that was all, so that the call can be hung up."""
        if self.state is State.SPEAKING:
            self._played_out(response_awaited=response_awaited)
        elif self.state is State.THINKING and not response_awaited and not self.answer_due:
            self.happen(Happening.RESPONSE_OVER)
        elif self.state is State.CLOSING and response_awaited:
            self._state_deadlines.goodbye_missing(self._step.now_us)
        return self.state is State.CLOSING and not response_awaited

    def _played_out(self, *, response_awaited: bool) -> None:
        self.happen(Happening.PLAYED_OUT)
        if self.caller_speaking:
            self.happen(Happening.SPEECH_STARTED)
        elif response_awaited:
            self.happen(Happening.RESPONSE_STARTED)
