"""The simulated callers of the command line: the one of `bot demo`, and one that says a recording."""

from __future__ import annotations

from bot.audio.prompts import prompt
from bot.testing.handset.script import BotSilent, HangUp, Heard, Say, Script, Step

_STAYS_MS = 4000
"""Milliseconds that a caller who has said everything waits for the bot before hanging up."""


CALLER_LINES = ("caller_hello", "caller_long", "caller_stop", "caller_goodbye")
"""Lines of the demo's caller, in order; the texts stand with the prompts."""


def demo_script(*, hello: bytes = b"", pause_ms: int = 700, interrupts_after_ms: int = 4000) -> Script:
    """A greeted caller says hello, asks for something long, interrupts it, says goodbye and lets the bot hang up.

    `hello`: other words than the recorded ones, in mu-law. `pause_ms`: the bot's silence before the caller speaks.
    `interrupts_after_ms`: how much of the long answer they listen to. A bot that stays on the line when all is said is
    hung up on.
    """
    turn = BotSilent(pause_ms)
    first, long, stop, goodbye = map(_line, CALLER_LINES)
    return Script(
        [
            Step(turn, Say(hello) if hello else first),
            Step(turn, long),
            Step(Heard(interrupts_after_ms), stop),
            Step(turn, goodbye),
            Step(BotSilent(_STAYS_MS, replied=False), HangUp()),
        ]
    )


def file_script(audio: bytes, *, speaks_after_ms: int = 2000, stays_ms: int = _STAYS_MS) -> Script:
    """Says mu-law `audio` once the bot has been silent for `speaks_after_ms`, hears the answer out and hangs up.

    Needs no bot that greets or answers: the silence counts from the start of the stream, and they hang up `stays_ms`
    after the last that either of them said.
    """
    return Script(
        [
            Step(BotSilent(speaks_after_ms, replied=False), Say(audio)),
            Step(BotSilent(stays_ms, replied=False), HangUp()),
        ]
    )


def _line(name: str) -> Say:
    return Say(prompt(name).audio)
