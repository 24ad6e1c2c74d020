"""The line test: the agent behind `bot demo`. It understands nothing, and says so."""

from __future__ import annotations

from collections.abc import Sequence

from bot.audio.prompts import prompt
from bot.realtime.session import END_CALL
from bot.testing.agent import LINE_FORMAT, PER_MS, TOKEN_MS, Reply, Spoken, ToolCall, Turn, padded

ECHO_MS = 15_000
"""The most of the caller's own voice that is played back."""
ECHO_TRANSCRIPT = "(the caller's own voice)"


class LineTestAgent:
    """Greets, plays the caller back, talks at length, remarks on being interrupted or not, says goodbye and hangs up.

    What it says depends on the number of the turn and on nothing that was said in it. The caller is played back as they
    were heard, where the session hears and speaks in one format.
    """

    def reply(self, turn: Turn) -> Reply:
        if turn.greeting or turn.number == 0:
            return _say("greeting")
        if turn.number == 1:
            return Reply((_spoken("you_said"), *_echo(turn)))
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


def _echo(turn: Turn) -> tuple[Spoken, ...]:
    """The caller's own bytes as one item; none when nothing was recorded of the turn."""
    if not turn.audio or turn.writes or turn.heard_in != turn.spoken_in:
        return ()
    size, token = PER_MS[turn.heard_in] * ECHO_MS, PER_MS[turn.heard_in] * TOKEN_MS
    audio = turn.audio[:size]
    if turn.heard_in == LINE_FORMAT:
        return (Spoken(padded(audio), ECHO_TRANSCRIPT),)
    return (Spoken(audio[: len(audio) // token * token], ECHO_TRANSCRIPT, audio_format=turn.heard_in),)
