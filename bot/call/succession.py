"""What it means for a call that its session is lost, and that another one takes over.

What the caller was about to hear is heard, what he says is kept, and the next session is told the conversation as it
was heard (bot.call.resume). When to dial and when to change is decided in bot.call.sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.call.ending import Ending
from bot.call.farewell import Farewell
from bot.call.filler import Filler
from bot.call.floor import Floor
from bot.call.inherited import Inherited
from bot.call.listening import Listening
from bot.call.responses import Responses
from bot.call.resume import carry_on_item, conversation_items, said_as
from bot.call.sessions import Sessions
from bot.call.speaking import Speaking
from bot.call.step import Step
from bot.call.transcript import Transcript, Turn
from bot.realtime.events import CreateItem
from bot.realtime.failures import FailureKind

NOTICED_US = 1_000_000
"""A call that has no session for longer than this lets the caller hear something. Where he has been waiting for one of
which nothing came, it counts from what he heard last: mostly at once."""


class Part(Protocol):
    """What of a call knows something of the session at hand."""

    def session_lost(self) -> None:
        """Nothing more comes of this session; the next one knows nothing."""


class Succession:
    """`parts` forget the session in their order, before the rest."""

    def __init__(
        self,
        step: Step,
        sessions: Sessions,
        parts: Sequence[Part],
        *,
        listening: Listening,
        responses: Responses,
        transcript: Transcript,
        floor: Floor,
        farewell: Farewell,
        ending: Ending,
        inherited: Inherited,
        filler: Filler,
        speaking: Speaking,
    ) -> None:
        self._step = step
        self._sessions = sessions
        self._parts = parts
        self._listening = listening
        self._responses = responses
        self._transcript = transcript
        self._floor = floor
        self._farewell = farewell
        self._ending = ending
        self._inherited = inherited
        self._filler = filler
        self._speaking = speaking

    def lose(self, failure: FailureKind, code: int, reason: str) -> bool:
        """The session is lost: whether the call can go on."""
        known, now_us = self._sessions.deaf, self._step.now_us
        waited = failure == "timeout" and self._filler.awaited
        if not self._sessions.lost(failure, code, reason):
            return False
        if not known:
            self._forget()
            if self._sessions.ever_ready:
                quiet_us = self._speaking.ledger.end_us() or 0
                self._filler.expect(max(now_us, quiet_us + NOTICED_US) if waited else now_us + NOTICED_US)
        return True

    def change(self, *, pause: bool, calm: bool) -> None:
        """Take the session that waits, if this is the moment. Comes last in a step."""
        if self._sessions.may_change(pause=pause, calm=calm):
            if not self._sessions.deaf:
                self._forget()
            self._sessions.change()

    def _forget(self) -> None:
        """An answer that was owed, asked for or broken off is the next session's to give, unless it was the last."""
        owed = self._floor.answer_due
        for part in self._parts:
            part.session_lost()
        owed = self._responses.session_lost() or owed
        self._listening.session_lost()
        if owed and not self._ending.asked:
            self._responses.want({})
        self._floor.session_lost()

    def take_over(self, *, resumed: bool) -> bool:
        """A session is ready: whether it takes over a conversation. If so it is told all that was said.

        `resumed`: the call itself carries on a conversation from before.
        """
        first = not self._sessions.ever_ready
        outage_us = self._sessions.opened()
        if first and not resumed:
            return False
        turns = self._spoken()
        items = conversation_items(turns, audio=self._listening.audio.turns())
        if not first and not items and all(turn.who == "bot" and turn.cut for turn in turns):
            return False
        for item in [*items, carry_on_item()]:
            self._step.send(CreateItem(item, self._step.event_id("item")))
        told = {item["id"] for item in items}
        self._inherited.tell([turn for turn in turns if said_as(turn.number) in told])
        self._farewell.session_ready()
        self._step.counts["sessions_replaced"] += not first
        self._step.report(
            "session_replaced", after_ms=outage_us // 1000, told=len(items), answers=self._responses.awaited
        )
        if first:
            self._responses.want({})
        self._floor.session_ready()
        return True

    def _spoken(self) -> list[Turn]:
        """The turns in spoken order; those that have not begun to be heard come last."""
        return sorted(self._transcript.turns, key=lambda turn: (turn.began_us is None, turn.began_us or 0))
