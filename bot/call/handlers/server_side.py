"""The server's own notes to a call: messages that it has refused, and the end of the call."""

from __future__ import annotations

from bot.call import inputs
from bot.call.machines import TransferStage
from bot.call.outputs import EndReason
from bot.call.wiring import Parts

MAX_REFUSALS = 32
"""Kinds of messages that were refused and are told of."""


class ServerSide:
    """Each note of the server that is about neither side alone."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._refusals: list[inputs.Refused] = []

    def refused(self, note: inputs.Refused) -> None:
        """Messages that were refused, of one kind perhaps fifty a second."""
        step = self._parts.step
        step.follows = "what is due"
        step.counts[f"refused_{note.kind}"] += 1
        if note not in self._refusals and len(self._refusals) < MAX_REFUSALS:
            self._refusals.append(note)
            step.warn("message_refused", way=note.way, why=note.kind, about=note.about)

    def shutdown(self, note: inputs.Shutdown) -> EndReason:
        """The server ends the call. Where an operator hangs up, nobody is put through any more."""
        if note.reason == "bot_hung_up" and self._parts.floor.transfer_stage is not TransferStage.NONE:
            self._parts.transfer.drop()
        return note.reason
