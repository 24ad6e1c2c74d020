"""The machines of a call, in one list: each an enumeration of its states and a table of what moves it.

The first is who has the floor (bot.call.states); the others stand here, each with the file that moves it. What is no
single yes or no is one of these, not a bundle of booleans: tests/call/test_machines.py looks for such.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from bot.call.states import TABLE, OurFaultError, State

S = TypeVar("S", bound=Enum)


class GreetingStage(Enum):
    """The greeting, as the caller hears it. Moved by bot.call.conversation.opening."""

    UNHEARD = "a moment of it has yet to be heard"
    HELD = "it waits for a caller who speaks"
    HEARD = "the caller has heard a moment of it, or there is none"


class GoodbyeStage(Enum):
    """The goodbye of a call that has used up a bound. Moved by bot.call.conversation.goodbye."""

    NONE = "the call goes on"
    DUE = "what is being said is finished, then it is asked for"
    MAKING = "the model makes it"
    MADE = "it was made to its end, and is being heard"
    SPOILT = "it went wrong, or its beginning was heard: there is no second one"
    HEARD = "the caller has heard it to its end"


class SessionStage(Enum):
    """The session at hand. Moved by bot.call.session.failover."""

    OPENING = "it is not configured yet"
    READY = "it is configured"
    LOST = "nothing of it counts any more"


class NextStage(Enum):
    """The session that is to take over. Moved by bot.call.session.failover."""

    NONE = "there is none"
    DIALLING = "it is being dialled"
    WAITING = "it is configured, and waits for the moment"


class AnswerStage(Enum):
    """The answer to a call that we made. Moved by bot.call.conversation.who_answered."""

    UNKNOWN = "it is not known yet who has answered"
    PERSON = "a person is spoken with, as far as is known"
    CONVERSATION = "it is a conversation, as every call is that came in"
    MACHINE = "a recorded greeting is heard out"
    MESSAGE = "the message is being left"
    SCREENING = "the question who is calling is being answered"
    SCREENED = "it was answered, and the callee decides"
    OVER = "there is nobody to talk to"


class KeypadStage(Enum):
    """The keys of the caller's phone. Moved by bot.call.conversation.floor."""

    QUIET = "none is pressed"
    GATHERING = "one was pressed, and others may follow"
    HIDDEN = "those that are pressed are for a tool alone"


class StreamStage(Enum):
    """The stream, once there is one. Moved by bot.call.keys.send_digits."""

    HERE = "the caller hears us by it"
    LEAVING = "what is said is heard, then it is left"
    AWAY = "it was left, and the next one is waited for"


class OperatorStage(Enum):
    """An operator who takes the call over. Moved by bot.call.conversation.operator_on_line."""

    AWAY = "the caller speaks with the bot"
    WAITING = "the operator is on the line as soon as they may be"
    SPEAKING = "the caller speaks with the operator"


class TransferStage(Enum):
    """A transfer that the model asks for. Moved by bot.call.conversation.transfer."""

    NONE = "there is none"
    CHECKING = "it is found out if the destination may be promised"
    PROMISING = "it may, and the caller has yet to be told"
    LEAVING = "the caller is told, and is put through once they have heard it"


class CallStage(Enum):
    """A function call of the model, each its own. Moved by bot.call.conversation.function_calls."""

    HELD = "a built-in, or the caller's key, decides when it goes on"
    RUNNING = "the shell runs the tool"
    ANSWERED = "it has its output"
    REFUSED = "it has its output, and counts as nothing that came of its response"


class Move(Enum):
    """Events that move one of them."""

    TALKED_OVER = "the caller speaks"
    SILENCE = "the caller is silent again"
    MOMENT_HEARD = "enough of it was heard, or it was given up"
    BOUND_REACHED = "the call is to be closed"
    BEGUN = "a response that may be the goodbye is being made"
    COMPLETED = "it was made to its end"
    FAILED = "it went wrong"
    CUT_BEGUN = "it was cut short, and something of it had been heard"
    CUT_UNHEARD = "it was cut short before any of it was heard"
    PLAYED_OUT = "all of it was heard"
    CONFIGURED = "the session said that it is configured"
    SESSION_LOST = "the session is gone, or as good as gone"
    TAKEN = "the one that waited is the call's"
    DIALLED = "another one is dialled"
    DIAL_OVER = "nothing comes of the dial, or it is needed no more"
    PERSON_FOUND = "a person has answered, or nothing says that it is none"
    PERSON_SURE = "it was one for certain, or nothing has said otherwise for long enough"
    MACHINE_FOUND = "a machine has answered"
    ASKED_WHO = "it was asked who is calling"
    TOLD_WHO = "all of the answer was heard"
    MESSAGE_DUE = "the greeting of the machine is over, and a message is to be left"
    NOBODY_LEFT = "there is nothing to say to what answered"
    KEY = "a key is pressed"
    HIDING = "a tool asks for keys that nobody else may know"
    ENTRY_OVER = "no more keys belong to those before"
    DIGITS_ASKED = "digits are to be sent"
    STREAM_LEFT = "the stream is closed by us"
    STREAM_BACK = "the next one has started"
    TAKE_OVER_ASKED = "an operator wants the call"
    TAKEN_OVER = "nothing stands against it any more"
    HANDED_BACK = "the call is the bot's again"
    ASKED = "the model asks for it"
    ALLOWED = "the destination may be promised"
    PROMISED = "the promise is being made, or was made before"
    DROPPED = "nothing comes of it"
    STARTED = "its tool is run"
    OUTPUT = "it is given its output"
    TURNED_DOWN = "a built-in turns it down"


_G, _B, _S, _N, _A = GreetingStage, GoodbyeStage, SessionStage, NextStage, AnswerStage
_T, _C, _M, _K, _L, _O = TransferStage, CallStage, Move, KeypadStage, StreamStage, OperatorStage

GREETING = {
    (_G.UNHEARD, _M.TALKED_OVER): _G.HELD,
    (_G.HELD, _M.SILENCE): _G.UNHEARD,
    (_G.UNHEARD, _M.MOMENT_HEARD): _G.HEARD,
    (_G.HELD, _M.MOMENT_HEARD): _G.HEARD,
    (_G.HEARD, _M.SILENCE): _G.HEARD,
}
GOODBYE = {
    **{(state, _M.BOUND_REACHED): state for state in GoodbyeStage},
    **{(state, _M.BEGUN): _B.MAKING for state in (_B.DUE, _B.MAKING, _B.MADE)},
    **{(state, _M.COMPLETED): _B.MADE for state in (_B.MAKING, _B.MADE)},
    **{(state, _M.FAILED): _B.SPOILT for state in (_B.MAKING, _B.MADE, _B.SPOILT)},
    **{(state, _M.CUT_BEGUN): _B.SPOILT for state in (_B.MAKING, _B.MADE, _B.SPOILT)},
    **{(state, _M.CUT_UNHEARD): _B.DUE for state in (_B.MAKING, _B.MADE, _B.SPOILT)},
    **{(state, _M.PLAYED_OUT): state for state in GoodbyeStage},
    **{(_B.SPOILT, move): _B.SPOILT for move in (_M.BEGUN, _M.COMPLETED)},
    **{(_B.HEARD, move): _B.HEARD for move in (_M.BEGUN, _M.COMPLETED, _M.FAILED, _M.CUT_BEGUN, _M.CUT_UNHEARD)},
    (_B.NONE, _M.BOUND_REACHED): _B.DUE,
    (_B.MADE, _M.PLAYED_OUT): _B.HEARD,
}
SESSION = {
    **{(state, _M.SESSION_LOST): _S.LOST for state in (_S.OPENING, _S.READY)},
    **{(state, _M.CONFIGURED): _S.READY for state in (_S.OPENING, _S.READY)},
    **{(state, _M.TAKEN): _S.OPENING for state in SessionStage},
}
NEXT = {
    (_N.NONE, _M.DIALLED): _N.DIALLING,
    (_N.DIALLING, _M.CONFIGURED): _N.WAITING,
    (_N.WAITING, _M.TAKEN): _N.NONE,
    (_N.DIALLING, _M.DIAL_OVER): _N.NONE,
    (_N.WAITING, _M.DIAL_OVER): _N.NONE,
}
ANSWER = {
    **{(state, _M.PERSON_FOUND): _A.PERSON for state in (_A.UNKNOWN, _A.SCREENED)},
    **{(state, _M.MACHINE_FOUND): _A.MACHINE for state in (_A.UNKNOWN, _A.PERSON, _A.SCREENED)},
    **{(state, _M.ASKED_WHO): _A.SCREENING for state in (_A.UNKNOWN, _A.MACHINE)},
    (_A.PERSON, _M.PERSON_SURE): _A.CONVERSATION,
    (_A.SCREENING, _M.TOLD_WHO): _A.SCREENED,
    (_A.MACHINE, _M.MESSAGE_DUE): _A.MESSAGE,
    **{(state, _M.NOBODY_LEFT): _A.OVER for state in (_A.UNKNOWN, _A.MACHINE, _A.SCREENING, _A.SCREENED)},
}
KEYPAD = {
    **{(state, _M.KEY): _K.GATHERING for state in (_K.QUIET, _K.GATHERING)},
    **{(state, _M.HIDING): _K.HIDDEN for state in (_K.QUIET, _K.GATHERING)},
    **{(state, _M.ENTRY_OVER): _K.QUIET for state in (_K.GATHERING, _K.HIDDEN)},
}
STREAM = {
    (_L.HERE, _M.DIGITS_ASKED): _L.LEAVING,
    (_L.LEAVING, _M.STREAM_LEFT): _L.AWAY,
    (_L.AWAY, _M.STREAM_BACK): _L.HERE,
}
OPERATOR = {
    (_O.AWAY, _M.TAKE_OVER_ASKED): _O.WAITING,
    (_O.WAITING, _M.TAKEN_OVER): _O.SPEAKING,
    **{(state, _M.HANDED_BACK): _O.AWAY for state in (_O.WAITING, _O.SPEAKING)},
}
TRANSFER = {
    (_T.NONE, _M.ASKED): _T.CHECKING,
    (_T.CHECKING, _M.ALLOWED): _T.PROMISING,
    (_T.CHECKING, _M.PROMISED): _T.LEAVING,
    (_T.PROMISING, _M.PROMISED): _T.LEAVING,
    **{(state, _M.DROPPED): _T.NONE for state in (_T.CHECKING, _T.PROMISING, _T.LEAVING)},
}

FUNCTION_CALL = {
    (_C.HELD, _M.STARTED): _C.RUNNING,
    **{(state, _M.OUTPUT): _C.ANSWERED for state in (_C.HELD, _C.RUNNING)},
    (_C.ANSWERED, _M.TURNED_DOWN): _C.REFUSED,
}


MACHINES: dict[type[Enum], Mapping[Any, Enum]] = {
    State: TABLE,
    GreetingStage: GREETING,
    GoodbyeStage: GOODBYE,
    SessionStage: SESSION,
    NextStage: NEXT,
    AnswerStage: ANSWER,
    KeypadStage: KEYPAD,
    StreamStage: STREAM,
    OperatorStage: OPERATOR,
    TransferStage: TRANSFER,
    CallStage: FUNCTION_CALL,
}
"""All of them; each begins in the first of its states."""


def moved(table: dict[tuple[S, Move], S], state: S, move: Move) -> S:
    """The state that follows. Raises OurFaultError for a pair the table does not know."""
    following = table.get((state, move))
    if following is None:
        raise OurFaultError(f"{move.name} cannot happen to {type(state).__name__} {state.name}")
    return following
