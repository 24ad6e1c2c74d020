"""The call's deadlines: how long each state may last, and what follows when it does not end by itself."""

from __future__ import annotations

from bot.call.outputs import EndReason
from bot.call.rule import Rule, soonest
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.call.step import Step

CLAIM_US = 10_000_000
"""A session that no stream has claimed is closed after this."""

CLOSING_US = 30_000_000
"""The longest a caller may speak when the call is to be closed, before it ends without the bot's goodbye."""

GRACE_US = 60_000_000
"""Time that a call may last beyond its limit, for the end of a sentence and the goodbye."""


class StateDeadlines(Rule):
    """Deadlines in the call's microseconds, from settings in seconds. A limit of 0 is no limit."""

    def __init__(self, settings: CallSettings, step: Step) -> None:
        self._step = step
        self.state = State.OPENING
        self.watches = False
        """The state at hand may not last for ever, nor may some that follow."""
        self._answer_us = round(settings.response_s * 1_000_000)
        self._call_us = round(settings.max_call_s * 1_000_000)
        self._before_us = round(settings.elapsed_s * 1_000_000)
        self._ready_by: int | None = self._answer_us or None
        ringing_us = round(settings.outgoing.claim_s * 1_000_000) if settings.outgoing else 0
        self._claim_by: int | None = CLAIM_US + ringing_us
        self._over_by: int | None = None
        self._state_by: tuple[int, EndReason] | None = None
        self._closing: EndReason | None = None
        self._reckon()

    def session_ready(self) -> None:
        self._ready_by = None
        self._reckon()

    def stream_started(self, now_us: int) -> None:
        self._claim_by = None
        self._over_by = now_us + max(0, self._call_us - self._before_us) + GRACE_US if self._call_us else None
        self._reckon()

    def entered(self, state: State, now_us: int) -> None:
        """The call moved into `state`: the limit on how long it may stay there. Without `watches` there is none."""
        self.state, self._state_by = state, None
        if self._closing and state in {State.LISTENING, State.HEARING}:
            self._state_by = (now_us + CLOSING_US, self._closing)
        self._reckon()

    def close(self, state: State, now_us: int, reason: EndReason) -> None:
        """The call is to be closed: from here on a caller who does not stop speaking is not listened to for ever."""
        self._closing, self.watches = reason, True
        self.entered(state, now_us)

    def goodbye_missing(self, now_us: int) -> None:
        """The line is silent, and a hang-up waits for its response to be over: not for ever."""
        if self._state_by is None and self._answer_us:
            self._state_by, self.watches = (now_us + self._answer_us, "bot_hung_up"), True
            self._reckon()

    def _reckon(self) -> None:
        state_by = None if self._state_by is None else self._state_by[0]
        self.due_us = soonest(self._ready_by, self._claim_by, self._over_by, state_by)

    def due(self) -> EndReason | None:
        reason = self.passed(self._step.now_us)
        if reason is not None:
            self._step.warn("limit_reached", reason=reason, state=self.state.value)
        if reason == "model_unavailable":  # once: a call that goes on without a model, goes on by the failover's bounds
            self.session_ready()
        return reason

    def passed(self, now_us: int) -> EndReason | None:
        """The reason for which the call must end now, None when it need not."""
        bounds: tuple[tuple[int | None, EndReason], ...] = (
            (self._ready_by, "model_unavailable"),
            (self._claim_by, "line_lost"),
            (self._over_by, "time_limit"),
            self._state_by or (None, "bot_hung_up"),
        )
        return next((why for by_us, why in bounds if by_us is not None and now_us >= by_us), None)
