"""The Realtime sessions of a call: when another one is dialled, when it takes over, and when the call has none.

A session that is lost for a reason that may pass is replaced; one that nears its hour is replaced ahead of time, in a
pause of the conversation (openai-realtime 1.2, 1.3 and 6). What a replacement means for the conversation
stands in bot.call.handlers.session_replacement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar

from bot.call.inputs import DialFailed, SessionExpires, SessionWaiting
from bot.call.machines import NEXT, SESSION, Move, NextStage, SessionStage
from bot.call.outputs import Adopt, Dial, Drop, EndReason
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.rule import Rule, soonest
from bot.call.session.session_plan import plan
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.realtime.failures import Failure, FailureKind

PASSING: frozenset[FailureKind] = frozenset({"unreachable", "timeout", "closed", "rate_limited", "expired"})
"""Failures that may be over at the next try. A wrong key, an unknown model or an empty account is not."""
OPENING_RETRY_US = (250_000, 1_000_000)
"""Wait before each further try for a session that never was ready."""
RETRY_US = (0, 500_000, 1_000_000, 2_000_000)
"""Wait before each try for one that was; the last is repeated."""
OUTAGE_US = 10_000_000
"""Longest time that a call goes on without a session."""
STEADY_US = 5_000_000
"""A session that is lost sooner than this was no new start: its tries count on."""
MAX_TRIES = 12
"""Most tries in such a row."""
DIAL_S = 4.0
"""Longest time of one try, from the dial to a configured session."""
SESSION_US = 3_600_000_000
"""Life of a session unless it says otherwise."""
AHEAD_RETRY_US = 10_000_000
"""A dial ahead of time that failed is tried again after this."""


@part
class Failover(Rule):
    """Told what happens to sessions; puts out Dial, Adopt and Drop.

    `at_hand` is the call's session, `next` the one that is to take its place.
    """

    _step: Step
    _playout: PlayoutQueue
    _session: CurrentSession
    response_s: InitVar[float]
    _goes_on: Callable[[], bool] = lambda: False
    """The call needs no session at this moment, and is not given up for want of one."""

    def __post_init__(self, response_s: float) -> None:
        self.at_hand = SessionStage.OPENING
        self.next = NextStage.NONE
        self.ever_ready = False
        self._dial_us: int | None = round(response_s * 500_000) or None
        """Moment of the next dial. A first session that is not ready in half the time it has gets a rival."""
        self._give_up_us: int | None = None
        self._waited = False
        """The session at hand is another than the first, and has yet to say its first word to the call."""
        self._tries = 0
        self._lost_us: int | None = None
        self.failure: Failure = Failure("timeout", 0, "")
        """End of the last session, or of the last dial."""
        self._reckon()

    # ---- the session at hand ----

    def created(self) -> bool:
        """It is there, and its hour begins: True for one that waited, and has been configured."""
        waited, self._waited = self._waited, False
        self._end_within(SESSION_US)
        return waited

    def expires(self, note: SessionExpires) -> None:
        """It ends so long from now."""
        if note.within_s > 0 and self.at_hand is not SessionStage.LOST:
            self._end_within(note.within_s * 1_000_000)

    def _end_within(self, us: int) -> None:
        self._session.now.plan = ends = plan(self._step.now_us, us)
        if self.at_hand is SessionStage.READY and self.next is NextStage.NONE:
            self._dial_us = ends.dial_us
        self._reckon()

    def opened(self) -> int:
        """It is configured. Gives for how long there was none, in microseconds; 0 when that was not noticed."""
        now_us, session = self._step.now_us, self._session.now
        outage_us = 0 if self._lost_us is None else now_us - self._lost_us
        self.at_hand, self.ever_ready = SESSION[self.at_hand, Move.CONFIGURED], True
        session.ready_us, self._lost_us, self._give_up_us = now_us, None, None
        if self.next is not NextStage.NONE:  # the rival of a first session
            self.next = NEXT[self.next, Move.DIAL_OVER]
            self._step.send(Drop())
        self._dial_us = None if session.plan is None else session.plan.dial_us
        self._reckon()
        return outage_us

    def lost(self, failure: FailureKind, code: int, reason: str) -> bool:
        """It is gone, or as good as gone: True if the call can go on. Said again, it changes nothing."""
        if self.at_hand is SessionStage.LOST:
            return True
        now_us = self._step.now_us
        if self.at_hand is SessionStage.READY and now_us - self._session.now.ready_us >= STEADY_US:
            self._tries = 0
        self.failure = Failure(failure, code, reason)
        passing = failure in PASSING and (self.next is not NextStage.NONE or self._tries_left)
        if not passing and not self._goes_on():
            return False
        self._step.warn("session_lost", failure=failure, code=code, reason=reason)
        self._step.counts["sessions_lost"] += 1
        self.at_hand, self._lost_us = SESSION[self.at_hand, Move.SESSION_LOST], now_us
        if self.ever_ready:  # before, bot.call.conversation.state_deadlines has its bound
            self._give_up_us = now_us + OUTAGE_US if passing else now_us
        if self.next is NextStage.NONE and passing:
            self._schedule()
        self._reckon()
        return True

    # ---- the next one ----

    @property
    def _delays_us(self) -> tuple[int, ...]:
        return RETRY_US if self.ever_ready else OPENING_RETRY_US

    @property
    def _tries_left(self) -> bool:
        return self._tries < (MAX_TRIES if self.ever_ready else len(OPENING_RETRY_US))

    def _schedule(self) -> None:
        """Dial now or after a while, longer each time."""
        delay_us = self._delays_us[min(self._tries, len(self._delays_us) - 1)]
        self._dial_us = self._step.now_us + delay_us
        if not delay_us:
            self._dial()

    def _dial(self) -> None:
        self._dial_us = None
        self._tries += 1
        self.next = NEXT[self.next, Move.DIALLED]
        self._step.send(Dial(DIAL_S))

    def waits(self, _: SessionWaiting) -> None:
        """The next one is configured."""
        if self.next is NextStage.DIALLING:
            self.next = NEXT[self.next, Move.CONFIGURED]
            self._reckon()

    def failed(self, note: DialFailed) -> None:
        """The next one is not to be had. When the call has none at all, `due` ends it, or there is another try."""
        if self.next is NextStage.NONE:
            return
        self.next = NEXT[self.next, Move.DIAL_OVER]
        self.failure = Failure(note.failure, note.code, note.reason)
        self._step.warn("dial_failed", failure=note.failure, code=note.code, reason=note.reason)
        self._step.counts["dials_failed"] += 1
        passing, lost = note.failure in PASSING, self.at_hand is SessionStage.LOST
        if lost and passing and self._tries_left:
            self._schedule()
        elif lost:
            self._give_up_us = self._step.now_us
        elif self.at_hand is SessionStage.READY and passing:
            self._dial_us = self._step.now_us + AHEAD_RETRY_US
        self._reckon()

    def may_change(self, *, pause: bool, calm: bool) -> bool:
        """True if the one that waits is to be taken at this moment.

        `pause`: nobody speaks and nothing is expected. `calm`: no answer is being made and the caller does not speak.
        """
        if self.next is not NextStage.WAITING:
            return False
        if self.at_hand is not SessionStage.READY or pause:
            return True
        ends, now_us = self._session.now.plan, self._step.now_us
        return ends is not None and (now_us >= ends.last_us or (calm and now_us >= ends.calm_us))

    def change(self) -> None:
        """Take the one that waits. Nothing else goes out in this step."""
        self.at_hand = SESSION[self.at_hand, Move.TAKEN]
        self.next = NEXT[self.next, Move.TAKEN]
        self._waited = True
        self._reckon()
        self._step.send(Adopt())

    # ---- the clock ----

    def _reckon(self) -> None:
        self.due_us = soonest(self._dial_us, self._give_up_us)
        ends = self._session.now.plan
        if self.next is NextStage.WAITING and ends is not None:
            now_us = self._step.now_us
            self.due_us = min([self.due_us, *(at_us for at_us in ends[1:] if at_us > now_us)])

    def due(self) -> EndReason | None:
        """Dial, or give up the call. What is on its way to the caller is played first."""
        now_us = self._step.now_us
        if self._dial_us is not None and now_us >= self._dial_us:
            self._dial()
        given_up = self._give_up_us is not None and now_us >= self._give_up_us
        if given_up:
            self._give_up_us = now_us + 1_000_000
        self._reckon()
        if not given_up:
            return None
        return None if self._playout.has_floor(now_us) or self._goes_on() else self.none_left()

    def needed_again(self) -> None:
        """The call went on without a session, and needs one from here on: what may be over by now is tried anew."""
        if self.at_hand is not SessionStage.LOST:
            return
        dialled, passing = self.next is not NextStage.NONE, self.failure.kind in PASSING
        self._tries, self._give_up_us = 0, self._step.now_us + (OUTAGE_US if dialled or passing else 0)
        if passing and not dialled:
            self._schedule()
        self._reckon()

    def none_left(self) -> EndReason:
        """There is no session and none to come."""
        failure = self.failure
        self._step.warn("model_closed", failure=failure.kind, code=failure.code, reason=failure.reason)
        return "model_unavailable"
