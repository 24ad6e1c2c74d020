"""Session replacement: a session is lost, and another one takes over.

What the caller was about to hear is heard, what they say is kept, and the next session is told the conversation as it
was heard (bot.call.transcript.past_turns). When to dial and when to change is decided in bot.call.session.failover.
"""

from __future__ import annotations

from bot.call.machines import SessionStage
from bot.call.session.session_state import carried
from bot.call.states import Happening
from bot.call.transcript.past_turns import carry_on_item, conversation_items, said_as
from bot.call.transcript.transcript import Turn
from bot.call.wiring import Parts
from bot.realtime.failures import FailureKind

NOTICED_US = 1_000_000
"""A call that has no session for longer than this lets the caller hear something. Where they waited for one of
which nothing came, it counts from what they heard last: mostly at once."""


class SessionReplacement:
    """Loses one session and lets the next one take over."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def lose(self, failure: FailureKind, code: int, reason: str) -> bool:
        """The session is lost. True if the call can go on."""
        failover, filler, now_us = self._parts.failover, self._parts.filler, self._parts.step.now_us
        known = failover.at_hand is SessionStage.LOST
        waited = failure == "timeout" and filler.awaited
        if not failover.lost(failure, code, reason):
            return False
        if not known:
            self._next_session()
            if failover.ever_ready:
                quiet_us = self._parts.playout.ledger.end_us() or 0
                by_us = max(now_us, quiet_us + NOTICED_US) if waited else now_us + NOTICED_US
                filler.expect(by_us, NOTICED_US)
        return True

    def change(self, *, pause: bool, calm: bool) -> None:
        """Take the session that waits, if this is the moment. Comes last in a step."""
        failover = self._parts.failover
        if failover.may_change(pause=pause, calm=calm):
            if failover.at_hand is not SessionStage.LOST:
                self._next_session()
            failover.change()

    def _next_session(self) -> None:
        """Leave what was being made as far as it came; `carried` names what goes over to the next session."""
        parts = self._parts
        for part in (parts.goodbye, parts.greeting, parts.turn_log):
            part.broken_off()
        playing = parts.playout.ledger.heard(parts.step.now_us)
        answers = not (parts.floor.hang_up_asked or parts.floor.taken_over)
        tool_awaited = bool(parts.floor.tools_running)
        parts.session.begin(carried(parts.session.now, playing, answers=answers, tool_awaited=tool_awaited))
        parts.functions.session_lost()
        parts.idle.hear(silent=False)
        parts.floor.happen(Happening.SESSION_LOST)

    def take_over(self) -> bool:
        """A session is ready: whether it takes over a conversation. If so it is told all that was said.

        The call's first does when the call itself carries on a conversation from before.
        """
        parts, step, session = self._parts, self._parts.step, self._parts.session.now
        first = not parts.failover.ever_ready
        outage_us = parts.failover.opened()
        if first and not parts.settings.resume:
            return False
        turns = self._spoken()
        items = conversation_items(turns, audio=parts.turn_log.wordless.payloads())
        called = parts.functions.told()
        if not first and not items and not called and all(turn.who == "bot" and turn.cut for turn in turns):
            return False
        for item in [*items, *called, carry_on_item(parts.settings.told if first else "")]:
            step.create_item(item)
        told = {item["id"] for item in items}
        session.inherited.tell([turn for turn in turns if said_as(turn.number) in told])
        parts.goodbye.session_ready()
        parts.functions.session_ready()
        parts.hints.session_ready()
        parts.operator.session_ready()
        parts.approval.session_ready()
        parts.who_answered.session_ready()
        parts.wrap_up.session_ready()
        step.counts["sessions_replaced"] += not first
        answers = session.responses.awaited
        step.report("session_replaced", after_ms=outage_us // 1000, told=len(items), answers=answers)
        if first:
            session.responses.want({})
        parts.opening.taken_over()
        parts.floor.session_ready()
        return True

    def _spoken(self) -> list[Turn]:
        """The turns in spoken order; those that have not begun to be heard come last."""
        return sorted(self._parts.transcript.turns, key=lambda turn: (turn.began_us is None, turn.began_us or 0))
