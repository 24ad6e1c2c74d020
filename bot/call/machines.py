"""The machines of a call, in one list: each an enumeration of its states and a table of what moves it.

The first is who has the floor (bot.call.states); the others stand here, each with the file that moves it. A pair that
stands in no table is a fault of ours. What is no single yes or no is one of these, not a bundle of booleans:
tests/call/test_machines.py looks for such.
"""

from __future__ import annotations

from typing import Any

from bot.call.states import FOLLOWING, Keyed, State, Table, table


class GreetingStage(Keyed):
    """The greeting, as the caller hears it. Moved by bot.call.conversation.opening."""

    UNHEARD = "a moment of it has yet to be heard"
    HELD = "it waits for a caller who speaks"
    HEARD = "the caller has heard a moment of it, or there is none"


class GoodbyeStage(Keyed):
    """The goodbye of a call that has used up a bound. Moved by bot.call.conversation.goodbye."""

    NONE = "the call goes on"
    DUE = "what is being said is finished, then it is asked for"
    MAKING = "the model makes it"
    MADE = "it was made to its end, and is being heard"
    SPOILT = "it went wrong, or its beginning was heard: there is no second one"
    HEARD = "the caller has heard it to its end"


class SessionStage(Keyed):
    """The session at hand. Moved by bot.call.session.failover."""

    OPENING = "it is not configured yet"
    READY = "it is configured"
    LOST = "nothing of it counts any more"


class NextStage(Keyed):
    """The session that is to take over. Moved by bot.call.session.failover."""

    NONE = "there is none"
    DIALLING = "it is being dialled"
    WAITING = "it is configured, and waits for the moment"


class AnswerStage(Keyed):
    """The answer to a call that we made. Moved by bot.call.conversation.who_answered."""

    UNKNOWN = "it is not known yet who has answered"
    PERSON = "a person is spoken with, as far as is known"
    CONVERSATION = "it is a conversation, as every call is that came in"
    MACHINE = "a recorded greeting is heard out"
    MESSAGE = "the message is being left"
    SCREENING = "the question who is calling is being answered"
    SCREENED = "it was answered, and the callee decides"
    OVER = "there is nobody to talk to"


class KeypadStage(Keyed):
    """The keys of the caller's phone. Moved by bot.call.conversation.floor."""

    QUIET = "none is pressed"
    GATHERING = "one was pressed, and others may follow"
    HIDDEN = "those that are pressed are for a tool alone"


class StreamStage(Keyed):
    """The stream, once there is one. Moved by bot.call.keys.send_digits."""

    HERE = "the caller hears us by it"
    LEAVING = "what is said is heard, then it is left"
    AWAY = "it was left, and the next one is waited for"


class OperatorStage(Keyed):
    """An operator who takes the call over. Moved by bot.call.handoff.operator_on_line."""

    AWAY = "the caller speaks with the bot"
    WAITING = "the operator is on the line as soon as they may be"
    SPEAKING = "the caller speaks with the operator"


class TransferStage(Keyed):
    """A transfer that the model asks for. Moved by bot.call.handoff.transfer."""

    NONE = "there is none"
    CHECKING = "it is found out if the destination may be promised"
    PROMISING = "it may, and the caller has yet to be told"
    LEAVING = "the caller is told, and is put through once they have heard it"


class CallStage(Keyed):
    """A function call of the model, each its own. Moved by bot.call.tool_calls.function_calls."""

    HELD = "a built-in, or the caller's key, decides when it goes on"
    RUNNING = "the shell runs the tool"
    ANSWERED = "it has its output"
    REFUSED = "it has its output, and counts as nothing that came of its response"


class RequestStage(Keyed):
    """A `response.create`, of which one at most is on its way. Moved by bot.call.session.response_gate."""

    NONE = "none is on its way"
    ASKED = "it went out, and nothing has come of it"
    SUPPRESSED = "it went out, and nothing that comes of it may be heard"
    BLOCKED = "it was refused for another response that is active, and waits until that is over"


class ResponseStage(Keyed):
    """A response of the model, each its own. Moved by bot.call.session.response_gate."""

    EMPTY = "nothing has come of it so far"
    ANSWERED = "something has, and may be heard"
    SUPPRESSED = "nothing of it may be heard any more"


class TurnOwner(Keyed):
    """One who cancels and answers when the caller speaks. Moved by bot.call.session.turn_ownership."""

    US_FOR_NOW = "we, until the server may act by itself"
    US = "we"
    SERVER = "the server"


class Move(Keyed):
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
    OUTPUT = "there is output of it"
    TURNED_DOWN = "a built-in turns it down"
    SENT = "it is sent"
    SUPPRESSED = "the caller speaks, and is to hear no more of what was to come"
    MADE = "a response is made"
    REFUSED = "the server refuses it"
    BLOCKED = "the server refuses it, since another response is active"
    RESPONSE_OVER = "a response is over"
    GIVEN_UP = "it was waited for in vain"
    TOLD = "the session is told of another owner"
    TO_SERVER = "the server confirms that the turns are its own"
    TO_US = "the server confirms that it leaves the turns to us"


_G, _B, _S, _N, _A = GreetingStage, GoodbyeStage, SessionStage, NextStage, AnswerStage
_T, _C, _M, _K, _L = TransferStage, CallStage, Move, KeypadStage, StreamStage
_Q, _R, _O, _P = RequestStage, ResponseStage, TurnOwner, OperatorStage

GREETING = table(
    (_G.UNHEARD, _M.TALKED_OVER, _G.HELD),
    (_G.HELD, _M.SILENCE, _G.UNHEARD),
    ((_G.UNHEARD, _G.HELD), _M.MOMENT_HEARD, _G.HEARD),
    (_G.HEARD, _M.SILENCE, None),
)
GOODBYE = table(
    (_B.NONE, _M.BOUND_REACHED, _B.DUE),
    ((_B.DUE, _B.MAKING, _B.MADE), _M.BEGUN, _B.MAKING),
    ((_B.MAKING, _B.MADE), _M.COMPLETED, _B.MADE),
    ((_B.MAKING, _B.MADE, _B.SPOILT), (_M.FAILED, _M.CUT_BEGUN), _B.SPOILT),
    ((_B.MAKING, _B.MADE, _B.SPOILT), _M.CUT_UNHEARD, _B.DUE),
    (_B.MADE, _M.PLAYED_OUT, _B.HEARD),
    ((_B.DUE, _B.MAKING, _B.MADE, _B.SPOILT, _B.HEARD), _M.BOUND_REACHED, None),
    ((_B.NONE, _B.DUE, _B.MAKING, _B.SPOILT, _B.HEARD), _M.PLAYED_OUT, None),
    ((_B.SPOILT, _B.HEARD), (_M.BEGUN, _M.COMPLETED), None),
    (_B.HEARD, (_M.FAILED, _M.CUT_BEGUN, _M.CUT_UNHEARD), None),
)
SESSION = table(
    ((_S.OPENING, _S.READY), _M.SESSION_LOST, _S.LOST),
    ((_S.OPENING, _S.READY), _M.CONFIGURED, _S.READY),
    (SessionStage, _M.TAKEN, _S.OPENING),
)
NEXT = table(
    (_N.NONE, _M.DIALLED, _N.DIALLING),
    (_N.DIALLING, _M.CONFIGURED, _N.WAITING),
    (_N.WAITING, _M.TAKEN, _N.NONE),
    ((_N.DIALLING, _N.WAITING), _M.DIAL_OVER, _N.NONE),
)
ANSWER = table(
    ((_A.UNKNOWN, _A.SCREENED), _M.PERSON_FOUND, _A.PERSON),
    ((_A.UNKNOWN, _A.PERSON, _A.SCREENED), _M.MACHINE_FOUND, _A.MACHINE),
    ((_A.UNKNOWN, _A.MACHINE), _M.ASKED_WHO, _A.SCREENING),
    (_A.PERSON, _M.PERSON_SURE, _A.CONVERSATION),
    (_A.SCREENING, _M.TOLD_WHO, _A.SCREENED),
    (_A.MACHINE, _M.MESSAGE_DUE, _A.MESSAGE),
    ((_A.UNKNOWN, _A.MACHINE, _A.SCREENING, _A.SCREENED), _M.NOBODY_LEFT, _A.OVER),
)
KEYPAD = table(
    ((_K.QUIET, _K.GATHERING), _M.KEY, _K.GATHERING),
    ((_K.QUIET, _K.GATHERING), _M.HIDING, _K.HIDDEN),
    ((_K.GATHERING, _K.HIDDEN), _M.ENTRY_OVER, _K.QUIET),
)
STREAM = table(
    (_L.HERE, _M.DIGITS_ASKED, _L.LEAVING),
    (_L.LEAVING, _M.STREAM_LEFT, _L.AWAY),
    (_L.AWAY, _M.STREAM_BACK, _L.HERE),
)
OPERATOR = table(
    (_P.AWAY, _M.TAKE_OVER_ASKED, _P.WAITING),
    (_P.WAITING, _M.TAKEN_OVER, _P.SPEAKING),
    ((_P.WAITING, _P.SPEAKING), _M.HANDED_BACK, _P.AWAY),
)
TRANSFER = table(
    (_T.NONE, _M.ASKED, _T.CHECKING),
    (_T.CHECKING, _M.ALLOWED, _T.PROMISING),
    ((_T.CHECKING, _T.PROMISING), _M.PROMISED, _T.LEAVING),
    ((_T.CHECKING, _T.PROMISING, _T.LEAVING), _M.DROPPED, _T.NONE),
)
FUNCTION_CALL = table(
    (_C.HELD, _M.STARTED, _C.RUNNING),
    ((_C.HELD, _C.RUNNING), _M.OUTPUT, _C.ANSWERED),
    (_C.ANSWERED, _M.TURNED_DOWN, _C.REFUSED),
)
REQUEST = table(
    (_Q.NONE, _M.SENT, _Q.ASKED),
    ((_Q.ASKED, _Q.SUPPRESSED), (_M.REFUSED, _M.DROPPED), _Q.NONE),
    ((_Q.ASKED, _Q.SUPPRESSED), _M.BLOCKED, _Q.BLOCKED),
    (_Q.ASKED, _M.SUPPRESSED, _Q.SUPPRESSED),
    (RequestStage, (_M.MADE, _M.GIVEN_UP), _Q.NONE),
    (_Q.BLOCKED, _M.RESPONSE_OVER, _Q.NONE),
    ((_Q.NONE, _Q.BLOCKED), (_M.DROPPED, _M.SUPPRESSED), None),
    (_Q.SUPPRESSED, _M.SUPPRESSED, None),
    ((_Q.NONE, _Q.ASKED, _Q.SUPPRESSED), _M.RESPONSE_OVER, None),
)
RESPONSE = table(
    ((_R.EMPTY, _R.ANSWERED), _M.OUTPUT, _R.ANSWERED),
    (ResponseStage, _M.SUPPRESSED, _R.SUPPRESSED),
    (_R.SUPPRESSED, _M.OUTPUT, None),
)
TURN_OWNER = table(
    (_O.US_FOR_NOW, _M.TOLD, _O.US),
    (TurnOwner, _M.TO_SERVER, _O.SERVER),
    (TurnOwner, _M.TO_US, _O.US_FOR_NOW),
    ((_O.US, _O.SERVER), _M.TOLD, None),
    (TurnOwner, _M.REFUSED, None),
)


MACHINES: dict[type[Keyed], Table[Any, Any]] = {
    State: FOLLOWING,
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
    RequestStage: REQUEST,
    ResponseStage: RESPONSE,
    TurnOwner: TURN_OWNER,
}
"""All of them; each begins in the first of its states."""


def drawing(states: type[Keyed]) -> str:
    """A machine as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"  [*] --> {next(iter(states)).name.lower()}"]
    lines += [f"  {state.name.lower()}: {state.name.lower()}, {state.value}" for state in states]
    for (state, move), following in MACHINES[states].items():
        if state is not following:
            lines.append(f"  {state.name.lower()} --> {following.name.lower()}: {move.value}")
    return "\n".join(lines)
