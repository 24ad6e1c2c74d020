"""A call as its simulated phone hears it, told as it goes on: a line for each thing, and on a terminal who speaks."""

from __future__ import annotations

from rich.console import Console

from bot.testing.commands.told_lines import told_line
from bot.testing.dialling.dial import DialResult, StreamLeg


class RingView:
    """Look at the call now and then; what is new since the last look is told."""

    def __init__(self, console: Console, result: DialResult) -> None:
        self._console = console
        self._result = result
        self._status = console.status("the phone rings") if console.is_terminal else None
        if self._status is not None:
            self._status.start()
        self._answered = False
        self._said = 0
        self._opened = 0
        self._closed = 0
        self._clears = 0
        self._speaks = {"caller": False, "bot": False}

    def look(self, now_us: int) -> None:
        """Show what is new at `now_us` after the first request."""
        result = self._result
        if result.answered_us is not None and not self._answered:
            self._answered = True
            self._line(result.answered_us, "call", "the webhook has answered")
        for text in result.said[self._said :]:
            self._line(now_us, "bot", f'is read out by Twilio: "{text}"')
        self._said = len(result.said)
        for number, leg in enumerate(result.legs):
            self._leg(number, leg, now_us)

    def close(self, now_us: int) -> None:
        """The call is over."""
        self.look(now_us)
        if self._status is not None:
            self._status.stop()

    def _leg(self, number: int, leg: StreamLeg, now_us: int) -> None:
        phone = leg.phone
        if phone.opened_us is None or number < self._closed:
            return
        if number == self._opened:
            self._opened, self._clears = number + 1, 0
            self._line(
                phone.opened_us,
                "call",
                "the call is carried on over another stream" if number else "the stream is open",
            )
        for clear in phone.clears[self._clears :]:
            self._line(clear.at_us, "bot", "is interrupted, and falls silent")
        self._clears = len(phone.clears)
        at_us = now_us if phone.ended_us is None else min(now_us, phone.ended_us)
        says_until_us = phone.microphone.ends_us
        self._floor("caller", speaks=not phone.ended and says_until_us is not None and says_until_us > at_us, us=at_us)
        self._floor("bot", speaks=not phone.ended and phone.playout.buffered_bytes(at_us) > 0, us=at_us)
        if phone.ended_us is not None:
            self._closed = number + 1
            by = "the bot" if phone.ended_by == "bot" else "the caller"
            self._line(phone.ended_us, "call", f"the stream is over, ended by {by}")

    def _floor(self, side: str, *, speaks: bool, us: int) -> None:
        if speaks and not self._speaks[side]:
            self._line(us, side, "speaks")
        self._speaks[side] = speaks
        if self._status is not None and self._opened:
            who = [f"the {side}" for side, talks in self._speaks.items() if talks]
            verb = "speak" if len(who) > 1 else "speaks"
            self._status.update(f"{' and '.join(who)} {verb}" if who else "the line is quiet")

    def _line(self, us: int, side: str, text: str) -> None:
        self._console.print(told_line(us, side, text), soft_wrap=True)
