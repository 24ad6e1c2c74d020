"""The states of a call and what moves it between them.

Two rules. All that decides who has the floor lives in FOLLOWING; a pair that stands nowhere is our fault and raises.
This file does not know messages: the call says what happened in the words of Happening.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from itertools import product
from typing import TypeVar


class Keyed(Enum):
    """An enumeration whose members are looked up in tables: Enum's own hash would be a call more each time."""

    __hash__ = object.__hash__


S = TypeVar("S", bound=Keyed)
E = TypeVar("E", bound=Keyed)


class OurFaultError(Exception):
    """Something happened that the table does not know: a defect of this program, not of a peer."""


class Table(dict[tuple[S, E], S]):
    """The state that follows, by state and event. Raises OurFaultError for a pair that stands nowhere."""

    def __missing__(self, pair: tuple[S, E]) -> S:
        state, event = pair
        raise OurFaultError(f"{event.name} cannot happen to {type(state).__name__} {state.name}")


def table(*rows: tuple[S | Iterable[S], E | Iterable[E], S | None]) -> Table[S, E]:
    """A table by rows: states, events, and the state that follows, None where it stays. No pair stands in two."""
    made: Table[S, E] = Table()
    for states, events, following in rows:
        for state, event in product(_each(states), _each(events)):
            if (state, event) in made:
                raise ValueError(f"{event.name} of {state.name} is decided twice")
            made[state, event] = following or state
    return made


def _each(one_or_more: S | Iterable[S]) -> Iterable[S]:
    return (one_or_more,) if isinstance(one_or_more, Keyed) else one_or_more


class State(Keyed):
    """The state of the call: who has the floor."""

    OPENING = "opening"
    LISTENING = "listening"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    CLOSING = "closing"
    ENDED = "ended"


class Happening(Keyed):
    """Events that can happen to a call."""

    BEGUN = "both sides are ready"
    SPEECH_STARTED = "the caller starts to speak and is let in"
    SPEECH_STOPPED = "the caller stops speaking"
    RESPONSE_STARTED = "the model starts a response"
    RESPONSE_OVER = "the response is over with nothing left to play"
    AUDIO = "audio is sent to the caller"
    PLAYED_OUT = "the caller has heard all that was sent"
    HANG_UP_ASKED = "the model asks to hang up"
    TAKEN_OVER = "an operator takes the call over"
    SESSION_LOST = "the session is lost"
    OVER = "the call is over"


_S, _H = State, Happening

FOLLOWING = table(
    (_S.OPENING, _H.BEGUN, _S.LISTENING),
    (_S.LISTENING, _H.SPEECH_STARTED, _S.HEARING),
    (_S.LISTENING, _H.RESPONSE_STARTED, _S.THINKING),
    (_S.LISTENING, _H.AUDIO, _S.SPEAKING),
    (_S.HEARING, _H.SPEECH_STOPPED, _S.THINKING),
    (_S.HEARING, _H.AUDIO, _S.SPEAKING),
    (_S.HEARING, _H.SESSION_LOST, _S.LISTENING),
    (_S.THINKING, _H.SPEECH_STARTED, _S.HEARING),
    (_S.THINKING, _H.AUDIO, _S.SPEAKING),
    (_S.THINKING, _H.RESPONSE_OVER, _S.LISTENING),
    (_S.SPEAKING, _H.SPEECH_STARTED, _S.HEARING),
    (_S.SPEAKING, _H.PLAYED_OUT, _S.LISTENING),
    (_S.CLOSING, _H.SPEECH_STARTED, _S.HEARING),
    ((_S.LISTENING, _S.THINKING, _S.SPEAKING), _H.HANG_UP_ASKED, _S.CLOSING),
    ((_S.THINKING, _S.SPEAKING, _S.CLOSING), _H.TAKEN_OVER, _S.LISTENING),
    ([state for state in State if state is not _S.ENDED], _H.OVER, _S.ENDED),
    # what may happen without moving the call
    ((_S.OPENING, _S.HEARING), _H.SPEECH_STARTED, None),
    ((_S.OPENING, _S.LISTENING, _S.THINKING, _S.SPEAKING, _S.CLOSING), _H.SPEECH_STOPPED, None),
    ((_S.OPENING, _S.HEARING, _S.THINKING, _S.SPEAKING, _S.CLOSING), _H.RESPONSE_STARTED, None),
    ((_S.OPENING, _S.LISTENING, _S.HEARING, _S.SPEAKING, _S.CLOSING), _H.RESPONSE_OVER, None),
    ((_S.OPENING, _S.SPEAKING, _S.CLOSING), _H.AUDIO, None),
    ((_S.LISTENING, _S.HEARING, _S.THINKING, _S.CLOSING), _H.PLAYED_OUT, None),
    ((_S.OPENING, _S.HEARING, _S.CLOSING), _H.HANG_UP_ASKED, None),
    ((_S.OPENING, _S.LISTENING, _S.THINKING, _S.SPEAKING, _S.CLOSING), _H.SESSION_LOST, None),
    ((_S.LISTENING, _S.HEARING), _H.TAKEN_OVER, None),
)


def picture() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "  [*] --> opening"]
    for (state, happening), following in FOLLOWING.items():
        if happening is not Happening.OVER and state is not following:
            lines.append(f"  {state.value} --> {following.value}: {happening.value}")
    lines.append("  closing --> ended: the goodbye has been heard")
    lines.append("  ended --> [*]")
    return "\n".join(lines)
