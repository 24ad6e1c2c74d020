"""The line test: the agent behind `bot demo`. It understands nothing, and says so."""

from __future__ import annotations

from collections.abc import Sequence

from bot.audio.payload import BYTES_PER_MS
from bot.audio.prompts import prompt
from bot.realtime.session import END_CALL
from bot.testing.agent import Reply, Spoken, ToolCall, Turn, padded

ECHO_MS = 15_000
"""The most of the caller's own voice that is played back."""
ECHO_TRANSCRIPT = "(the caller's own voice)"


class LineTestAgent:
    """Greets, plays the caller back, talks at length, remarks on being interrupted or not, says goodbye and hangs up.

    What it says depends on the number of the turn and on nothing that was said in it. The session's input has to be
    mu-law, or the caller could not be played back as they were heard.
    """

    def reply(self, turn: Turn) -> Reply:
        if turn.greeting or turn.number == 0:
            return _say("greeting")
        if turn.number == 1:
            return Reply((_spoken("you_said"), *_echo(turn.audio)))
        if turn.number == 2:
            return _say("long_answer")
        if turn.number == 3:
            return _say("interrupted" if turn.interrupted else "heard_out")
        return _say("goodbye", (ToolCall(END_CALL),))


def _say(name: str, tool_calls: Sequence[ToolCall] = ()) -> Reply:
    return Reply((_spoken(name),), tool_calls)


def _spoken(name: str) -> Spoken:
    line = prompt(name)
    return Spoken(padded(line.audio), line.text)


def _echo(audio: bytes) -> tuple[Spoken, ...]:
    """The caller's own bytes as one item; none when nothing was recorded of the turn."""
    if not audio:
        return ()
    return (Spoken(padded(audio[: ECHO_MS * BYTES_PER_MS]), ECHO_TRANSCRIPT),)
