"""Session takeover: a session is lost, and another one takes over.

What the caller was about to hear is heard, what he says is kept, and the next session is told the conversation as it
was heard (bot.call.transcript.past_turns). When to dial and when to change is decided in bot.call.session.failover.
"""

from __future__ import annotations

from typing import Protocol

from bot.call.machines import SessionStage
from bot.call.transcript.past_turns import carry_on_item, conversation_items, said_as
from bot.call.transcript.transcript import Turn
from bot.call.wiring import Parts
from bot.realtime.events import CreateItem
from bot.realtime.failures import FailureKind

NOTICED_US = 1_000_000
"""A call that has no session for longer than this lets the caller hear something. Where he has been waiting for one of
which nothing came, it counts from what he heard last: mostly at once."""


class Part(Protocol):
    """A part of the call that knows something of the session at hand."""

    def session_lost(self) -> None:
        """Nothing more comes of this session; the next one knows nothing."""


class SessionTakeover:
    """The parts in `_forgetful` forget a lost session in their order, before the rest, at which some of them look."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._forgetful: tuple[Part, ...] = (
            parts.farewell,
            parts.greeting,
            parts.account,
            parts.speech,
            parts.interrupt.inherited,
            parts.interrupt.unheard,
            parts.turns,
            parts.formats,
            parts.transcript,
            parts.functions,
            parts.idle,
        )

    def lose(self, failure: FailureKind, code: int, reason: str) -> bool:
        """The session is lost: whether the call can go on."""
        sessions, filler, now_us = self._parts.sessions, self._parts.filler, self._parts.step.now_us
        known = sessions.at_hand is SessionStage.LOST
        waited = failure == "timeout" and filler.awaited
        if not sessions.lost(failure, code, reason):
            return False
        if not known:
            self._forget()
            if sessions.ever_ready:
                quiet_us = self._parts.speaking.ledger.end_us() or 0
                by_us = max(now_us, quiet_us + NOTICED_US) if waited else now_us + NOTICED_US
                filler.expect(by_us, NOTICED_US)
        return True

    def change(self, *, pause: bool, calm: bool) -> None:
        """Take the session that waits, if this is the moment. Comes last in a step."""
        sessions = self._parts.sessions
        if sessions.may_change(pause=pause, calm=calm):
            if sessions.at_hand is not SessionStage.LOST:
                self._forget()
            sessions.change()

    def _forget(self) -> None:
        """An answer that was owed, asked for or broken off is the next session's to give, unless it was the last."""
        parts = self._parts
        owed = parts.floor.answer_due
        for part in self._forgetful:
            part.session_lost()
        owed = parts.responses.session_lost() or owed
        parts.listening.session_lost()
        if owed and not parts.floor.hang_up_asked:
            parts.responses.want({})
        parts.floor.session_lost()

    def take_over(self) -> bool:
        """A session is ready: whether it takes over a conversation. If so it is told all that was said.

        The call's first does when the call itself carries on a conversation from before.
        """
        parts, step = self._parts, self._parts.step
        first = not parts.sessions.ever_ready
        outage_us = parts.sessions.opened()
        if first and not parts.settings.resume:
            return False
        turns = self._spoken()
        items = conversation_items(turns, audio=parts.listening.audio.turns())
        if not first and not items and all(turn.who == "bot" and turn.cut for turn in turns):
            return False
        for item in [*items, carry_on_item()]:
            step.send(CreateItem(item, step.event_id("item")))
        told = {item["id"] for item in items}
        parts.interrupt.inherited.tell([turn for turn in turns if said_as(turn.number) in told])
        parts.farewell.session_ready()
        parts.wrap_up.session_ready()
        step.counts["sessions_replaced"] += not first
        step.report("session_replaced", after_ms=outage_us // 1000, told=len(items), answers=parts.responses.awaited)
        if first:
            parts.responses.want({})
        parts.opening.taken_over()
        parts.floor.session_ready()
        return True

    def _spoken(self) -> list[Turn]:
        """The turns in spoken order; those that have not begun to be heard come last."""
        return sorted(self._parts.transcript.turns, key=lambda turn: (turn.began_us is None, turn.began_us or 0))
