"""Sending digits: keys are pressed for the bot, as in the menu of a company that it talks to.

A stream can't carry them, TwiML can (twilio-voice 2). So the stream is left, once what the bot says has been
heard; Twilio asks what follows, presses the keys and opens the next stream, and this call and its session go on by
that. What was said meanwhile was heard by nobody, and the menu may have moved on: the model is told, and speaks first
only if nobody else does.
"""

from __future__ import annotations

import re

import msgspec

from bot.call.conversation.barge_in import BargeIn
from bot.call.conversation.floor import Floor
from bot.call.machines import KeypadStage, Move, StreamStage, TransferStage
from bot.call.outputs import EndReason, LeaveStream
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.rule import NEVER_US, Rule
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.call.tool_calls.asked_calls import FunctionCall
from bot.call.tool_calls.function_calls import FunctionCalls
from bot.realtime.session import SEND_DIGITS

MOST_DIGITS = 32
LEAVE_US = 10_000_000
"""The longest that the end of what the bot says is waited for; then it is cut short."""
KEY_US, PAUSE_US = 500_000, {"w": 500_000, "W": 1_000_000}
"""The time that Twilio takes for a key, and for a pause."""
RETURN_US = 15_000_000
"""From the last key to the next stream: as long as Twilio waits for the answer to a webhook."""
LISTEN_US = 4_000_000
"""Silence after which nobody but the bot will speak."""

NO_DIGITS = (
    f"Nothing was sent: `digits` must be 1 to {MOST_DIGITS} of 0-9, * and #, with w for a pause of half a second and W "
    "for a whole one."
)
UNDER_WAY = "Nothing was sent: keys are being sent, or pressed by the caller, already. Wait for that."
NOT_NOW = "Nothing was sent: the call is being ended or put through, or nobody has answered it yet."
SENT = (
    "The digits were sent. Nothing could be heard meanwhile, so a menu may have moved on: listen to what is said now "
    "before you speak or send more."
)
_WRITTEN = re.compile(r"[\s,.\-]")
_DIGITS = re.compile(rf"(?=.*[0-9*#])[0-9*#wW]{{1,{MOST_DIGITS}}}")


class _Arguments(msgspec.Struct):
    digits: str


@part
class SendDigits(Rule):
    """The built-in function `send_digits`, and the call between two streams."""

    name = SEND_DIGITS

    _step: Step
    _floor: Floor
    _session: CurrentSession
    _playout: PlayoutQueue
    _interrupt: BargeIn
    _functions: FunctionCalls

    def __post_init__(self) -> None:
        self._call_id = ""
        self._digits = ""
        self._let_in = 0
        """Times that the other side had spoken when the stream was back."""

    def called(self, call: FunctionCall) -> None:
        digits = _digits(call)
        hidden = self._floor.keypad_stage is KeypadStage.HIDDEN
        if hidden or self._floor.stream_stage is not StreamStage.HERE or not self._playout.stream_sid:
            self._functions.answer(call.call_id, UNDER_WAY)
        elif self._floor.ending or self._floor.transfer_stage is not TransferStage.NONE or not self._floor.conversing:
            self._functions.answer(call.call_id, NOT_NOW)
        elif not digits:
            self._functions.answer(call.call_id, NO_DIGITS)
        else:
            self._call_id, self._digits = call.call_id, digits
            self._floor.stream_moves(Move.DIGITS_ASKED)
            self.due_us = self._step.now_us + LEAVE_US

    def line_silent(self) -> None:
        """Nothing plays: if all was said that was to be said first, the stream is left."""
        if self._floor.stream_stage is StreamStage.LEAVING and not self._session.now.responses.busy:
            self._leave()

    def _leave(self) -> None:
        self._floor.stream_moves(Move.STREAM_LEFT)
        self._playout.leave(self._step.now_us)
        self._step.report("digits_sent", number=len(self._digits))
        self._step.send(LeaveStream(self._digits))
        lasts_us = sum(PAUSE_US.get(digit, KEY_US) for digit in self._digits)
        self.due_us = self._step.now_us + lasts_us + RETURN_US

    def back(self) -> None:
        """The next stream has started."""
        self._floor.stream_moves(Move.STREAM_BACK)
        self._step.report("stream_back")
        self._session.now.responses.forget()  # whatever was to be said before, the model now knows better
        self._functions.answer(self._call_id, SENT, respond=False)
        self._let_in = self._floor.let_in
        self.due_us = self._step.now_us + LISTEN_US

    def due(self) -> EndReason | None:
        stage, self.due_us = self._floor.stream_stage, NEVER_US
        if stage is StreamStage.AWAY:
            self._step.warn("stream_not_back")
            return "line_lost"
        if stage is StreamStage.LEAVING:
            self._interrupt.cut(unheard=True)
            self._leave()
        elif self._floor.let_in == self._let_in and self._floor.quiet():
            self._session.now.responses.want({})
        return None


def _digits(call: FunctionCall) -> str:
    """The digits in the model's arguments; empty when there are none that can be sent."""
    asked = call.parsed(_Arguments)
    written = "" if asked is None else _WRITTEN.sub("", asked.digits)
    return written if _DIGITS.fullmatch(written) else ""
