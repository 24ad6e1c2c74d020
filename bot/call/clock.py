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
        self._timed = (parts.limits, parts.sessions, parts.spending, parts.attention, parts.patience, parts.walls)

    def deadline_us(self) -> int | None:
        """When the parts have something to do, should nothing else come."""
        soonest = None
        for part in self._timed:
            soonest = sooner(soonest, part.deadline_us())
        return soonest

    def tick(self, _: Tick) -> EndReason | None:
        parts, step = self._parts, self._parts.step
        if parts.listening.ready:
            step.send_all(parts.listening.tick(step.now_us))
        step.send_all(parts.speaking.probe(step.now_us))
        if not parts.sessions.tick(audible=parts.speaking.has_floor(step.now_us)):
            return self._session.none_left()
        reason = parts.limits.passed(step.now_us)
        if reason is not None:
            step.warn("limit_reached", reason=reason, state=parts.floor.state.value)
            return reason
        if parts.attention.tick():
            return self._session.lose("timeout", 0, "it does not answer, and the caller has spoken")
        lost = parts.patience.tick()
        if lost == "session":
            return self._session.lose("timeout", 0, "a response that was cancelled is not over")
        return "model_unavailable" if lost == "model" else None


def sooner(one_us: int | None, other_us: int | None) -> int | None:
    """The earlier of two times, None being never."""
    if one_us is None or other_us is None:
        return other_us if one_us is None else one_us
    return min(one_us, other_us)
