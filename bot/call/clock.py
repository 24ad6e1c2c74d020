"""What becomes due when nothing comes, and what is done then."""

from __future__ import annotations

from bot.call.notes import Tick
from bot.call.outputs import EndReason
from bot.call.parts import Parts
from bot.call.session_side import SessionSide


class Clock:
    """Asks all parts but the two ways of audio, whose times move with every frame and delta: the call adds them."""

    def __init__(self, parts: Parts, session: SessionSide) -> None:
        self._parts = parts
        self._session = session
        self._timed = (
            parts.opening,
            parts.limits,
            parts.sessions,
            parts.spending,
            parts.liveness,
            parts.patience,
            parts.walls,
        )

    def deadline_us(self) -> int | None:
        """When the parts have something to do, should nothing else come."""
        soonest = None
        for part in self._timed:
            due_us = part.deadline_us()
            if due_us is not None and (soonest is None or due_us < soonest):
                soonest = due_us
        return soonest

    def tick(self, _: Tick) -> EndReason | None:
        parts, step = self._parts, self._parts.step
        if parts.listening.ready:
            step.send_all(parts.listening.tick(step.now_us))
        parts.walls.tick()
        step.send_all(parts.speaking.probe(step.now_us))
        if not parts.sessions.tick(audible=parts.speaking.has_floor(step.now_us)):
            return self._session.none_left()
        reason = parts.limits.passed(step.now_us)
        if reason is not None:
            step.warn("limit_reached", reason=reason, state=parts.floor.state.value)
            return reason
        if parts.liveness.tick():
            return self._hung()
        return "model_unavailable" if parts.patience.tick() else None

    def _hung(self) -> EndReason | None:
        """The session owes a word and says nothing; an answer it owed is one that did not come in time."""
        parts = self._parts
        owed = (parts.floor.answer_due or parts.responses.busy) and not parts.responses.cancelling
        why = self._session.lose("timeout", 0, "it says nothing, though something is due")
        if why is None and owed and parts.faults.overdue(None):
            why = "model_unavailable"
        return why


def sooner(one_us: int | None, other_us: int | None) -> int | None:
    """The earlier of two times, None being never."""
    if one_us is None or other_us is None:
        return other_us if one_us is None else one_us
    return min(one_us, other_us)
