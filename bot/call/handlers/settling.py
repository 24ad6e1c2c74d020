"""What follows from where things stand after each step: a request, the next response, a change of sessions, the end."""

from __future__ import annotations

from bot.call.handlers.session_side import SessionSide
from bot.call.outputs import EndReason
from bot.call.states import State
from bot.call.wiring import Parts


class Settling:
    """Comes after whatever the step was about, and before the next deadline is reckoned."""

    def __init__(self, parts: Parts, session: SessionSide) -> None:
        self._parts = parts
        self._session = session

    def settle(self) -> EndReason | None:
        """Why the call is over; None when it goes on."""
        parts, step = self._parts, self._parts.step
        if parts.announcement.look(step.now_us):
            step.report("announcement_heard", after_ms=step.now_us // 1000)
        if parts.speaking.fresh:
            parts.account.begun()
        parts.opening.settle()
        if parts.uplink.ready:
            parts.wrap_up.mind()
            if not parts.farewell.closing:
                parts.idle.mind()
            self._session.hand_over_turns()
            self._session.release()
        why = self._line_silent()
        if why is None:
            self._session.change()
        return why

    def _line_silent(self) -> EndReason | None:
        """When nothing plays and nothing waits: the end of a turn, the goodbye, a hang-up."""
        parts = self._parts
        if parts.speaking.has_floor(parts.step.now_us) or parts.floor.state is State.OPENING:
            return None
        parts.greeting.line_silent()
        parts.account.look()
        if parts.floor.line_silent(response_awaited=parts.session.now.responses.awaited):
            parts.farewell.played_out()
            return "bot_hung_up"
        return parts.farewell.why if parts.farewell.go_on(ready=parts.uplink.ready) else None
