"""Waits of a call, from when to when, as its fixture tells of them.

One may wait for several at once. The caller may have heard something meanwhile: `silences.py` asks that.
"""

from __future__ import annotations

from typing import Any

from bot.call import inputs
from bot.realtime import events
from bot.twilio import stream
from bot.views.timeline_parts import Cause, Wait

_STREAM = "the stream was not there"
_SESSION = "the session was being opened"
_ANSWER = ""
_OPEN = "session"
"""Key of the wait for a session, among those for tools by their ids."""


class FixtureWaits:
    """Fed with a fixture's messages in order. `found` is every wait; one that never ended has no end."""

    def __init__(self) -> None:
        self.found: list[Wait] = []
        self._open: dict[str, Wait] = {}
        self._response = ""
        self._begin("line", "line", _STREAM, 0)
        self._begin(_OPEN, "model", _SESSION, 0)

    def _begin(self, key: str, cause: Cause, what: str, us: int) -> None:
        if key not in self._open:
            self._open[key] = wait = Wait(us, None, cause, what)
            self.found.append(wait)

    def _end(self, key: str, us: int) -> None:
        wait = self._open.pop(key, None)
        if wait is not None:
            wait.until_us = us

    def from_phone(self, us: int, message: stream.Inbound) -> None:
        match message:
            case stream.Start():
                self._end("line", us)
            case stream.Stop():
                self._begin("line", "line", _STREAM, us)
            case _:
                pass

    def from_model(self, us: int, event: events.ServerEvent) -> None:
        """An answer is waited for from the end of the caller's turn until the response is over, all of it sent."""
        match event:
            case events.SessionUpdated():
                self._end(_OPEN, us)
            case events.SpeechStarted():
                self._end("answer", us)
                self._response = ""
            case events.SpeechStopped():
                self._begin("answer", "model", _ANSWER, us)
            case events.ResponseCreated():
                self._begin("answer", "model", _ANSWER, us)
                self._response = event.response.id
            case events.ResponseDone() if event.response.id == self._response:
                self._end("answer", us)
            case _:
                pass

    def to_model(self, us: int, command: events.ClientEvent) -> None:
        if isinstance(command, events.CreateResponse):
            self._begin("answer", "model", _ANSWER, us)

    def noted(self, us: int, note: inputs.Note) -> None:
        match note:
            case inputs.PhoneClosed():
                self._begin("line", "line", _STREAM, us)
            case inputs.ModelClosed():
                self._end("answer", us)
                self._begin(_OPEN, "model", _SESSION, us)
            case inputs.ToolDone() | inputs.TransferChecked():
                self._end(note.call_id, us)
            case _:
                pass

    def told(self, us: int, told: Any) -> None:
        """An order of the call to its shell: a tool is run, or asked for no more; the stream is left."""
        if not isinstance(told, dict):
            return
        call_id = str(told.get("call_id", ""))
        match told.get("told"):
            case "run_tool":
                self._begin(call_id, "tool", str(told.get("name", "")), us)
            case "check_transfer":
                self._begin(call_id, "tool", "transfer_call", us)
            case "cancel_tool":
                self._end(call_id, us)
            case "leave_stream":
                self._begin("line", "line", _STREAM, us)
            case _:
                pass
