"""A call as it happens, on a terminal or in a pipe: a line for each thing a person would want to know at once."""

from __future__ import annotations

from rich.console import Console

from bot.call.facts import TurnFact
from bot.call.outputs import End, Output, Report
from bot.call.states import State
from bot.server.calls.bridge import Bridge
from bot.server.calls.live_call import LiveCall
from bot.testing.commands.told_lines import told_line

_STATES = {
    State.LISTENING: "the line is quiet",
    State.HEARING: "the caller speaks",
    State.THINKING: "the bot thinks",
    State.SPEAKING: "the bot speaks",
    State.CLOSING: "the bot says goodbye",
}


class LiveView:
    """Give `watch` to CallDirectory.on_start. On a terminal a status line shows who has the floor."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("the phone rings") if console.is_terminal else None
        self._state = State.OPENING
        self._told: set[int] = set()
        """The turns whose words have been shown."""
        self._bridge: Bridge | None = None

    def watch(self, live: LiveCall) -> None:
        """Show this call from now on."""
        self._bridge = live.bridge
        live.bridge.on_output.append(self._output)
        if self._status is not None:
            self._status.start()
        self._line(0, "call", "the phone rings; the session is dialled")

    def _output(self, output: Output, now_us: int) -> None:
        assert self._bridge is not None
        call = self._bridge.call
        if call.state is not self._state:
            self._state = call.state
            if self._status is not None and self._state in _STATES:
                self._status.update(_STATES[self._state])
            if self._state in {State.HEARING, State.SPEAKING}:
                side = "caller" if self._state is State.HEARING else "bot"
                self._line(now_us, side, "starts to speak")
        if isinstance(output, Report):
            self._report(output, now_us)
        elif isinstance(output, TurnFact):
            self._words(output, now_us)
        elif isinstance(output, End):
            self._line(now_us, "call", f"over: {output.reason}")
            if self._status is not None:
                self._status.stop()

    def _report(self, report: Report, now_us: int) -> None:
        details = report.details
        if report.event == "session_ready":
            self._line(now_us, "call", "the session is ready")
        elif report.event == "begun":
            self._line(now_us, "call", "the stream is open")
        elif report.event == "interrupted":
            heard, received = details["heard_ms"] / 1000, details["received_ms"] / 1000
            self._line(
                now_us, "caller", f"interrupts: {heard:.2f} s of {received:.2f} s were heard, the rest is cleared"
            )
        elif report.event == "hang_up_asked":
            self._line(now_us, "bot", "wants to hang up, once its goodbye has been heard")

    def _words(self, turn: TurnFact, now_us: int) -> None:
        """Print one side's words, once: as heard of the bot, as understood of the caller."""
        if turn.text and turn.number not in self._told:
            self._told.add(turn.number)
            self._line(now_us, turn.who, f"“{turn.text}”" + (" — cut here" if turn.cut else ""))

    def _line(self, us: int, side: str, text: str) -> None:
        self._console.print(told_line(us, side, text), soft_wrap=True)
