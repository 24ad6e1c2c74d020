"""After a step: all that follows from where the call stands, and what becomes due when nothing comes.

A request, the next response, a change of sessions, the end; then the earliest deadline. A part is looked at only while
what it depends on can have changed: a greeting that has been heard, a bound that is far, a session that is not to be
replaced ask for nothing.
"""

from __future__ import annotations

from bot.call.handlers.session_side import SessionSide
from bot.call.inputs import Tick
from bot.call.machines import (
    GoodbyeStage,
    GreetingStage,
    NextStage,
    OperatorStage,
    StreamStage,
    TransferStage,
    TurnOwner,
)
from bot.call.outputs import EndReason
from bot.call.rule import NEVER_US, Rule
from bot.call.states import State
from bot.call.wiring import Parts


class AfterStep:
    """Keeps the earliest deadline of the rules, and beside it when the bot's floor ends.

    The two ways of audio have times of their own: they move with every frame and delta, so they are asked when needed.
    """

    def __init__(self, parts: Parts, session: SessionSide, rules: tuple[Rule, ...]) -> None:
        self._parts = parts
        self._session = session
        self._rules = rules
        self._lookers = [rule for rule in rules if type(rule).look is not Rule.look and rule is not parts.opening]
        self._rules_us = NEVER_US
        self.soonest_us = NEVER_US
        """Moment at which something is due in which the call may move: a rule, or the end of the bot's floor."""
        self._due_us = NEVER_US
        """The same, or when a mark on the empty buffer is."""
        self._look()

    # ---- what follows ----

    def settle(self) -> EndReason | None:
        """Do what follows, and keep when something is due next. Gives why the call is over, None when it goes on."""
        parts = self._parts
        floor, playout = parts.floor, parts.playout
        if not floor.notice_heard and parts.announcement.heard(parts.step.now_us):
            floor.notice_heard = True
            parts.step.report("announcement_heard", after_ms=parts.step.now_us // 1000)
        if playout.fresh:
            self._begun()
        if not floor.sure:
            self._judge_who_answered()
        if floor.operator_stage is OperatorStage.WAITING:
            parts.operator.settle()
        opens = floor.greeting_stage is not GreetingStage.HEARD or playout.paused
        if opens and (floor.sure or not parts.who_answered.holds_back):
            parts.opening.settle()
        if parts.uplink.ready or floor.taken_over:
            self._mind()
        if parts.uplink.ready:
            if parts.session.now.turn_ownership.owner is TurnOwner.US_FOR_NOW:
                self._session.hand_over_turns()
            floor.ask()
        why = self._line_silent()
        if why is None:
            self._pause()
        self._look()
        return why

    def _begun(self) -> None:
        """Something of the model's begins to sound."""
        parts = self._parts
        if parts.approval.waiting:
            parts.approval.sounds(parts.playout.fresh)
        parts.turn_log.begun()

    def _judge_who_answered(self) -> None:
        """Nothing may be heard before a person is there; and nobody but a person is put through."""
        parts = self._parts
        if parts.who_answered.settle():
            self._session.begin()
        if parts.floor.transfer_stage is not TransferStage.NONE and not parts.floor.person_there:
            parts.transfer.drop()

    def _mind(self) -> None:
        """Mind the bounds, which end an operator's words too, and a silence that is long enough."""
        parts, floor, now_us = self._parts, self._parts.floor, self._parts.step.now_us
        for bound in parts.wrap_up.bounds:
            if bound.level or bound.due_us <= now_us:
                parts.wrap_up.mind(ready=parts.uplink.ready)
                break
        if parts.idle.full_us <= now_us and floor.goodbye_stage is GoodbyeStage.NONE:
            parts.idle.mind()
        if floor.ending and floor.operator_stage is not OperatorStage.AWAY:
            parts.operator.settle()

    def _line_silent(self) -> EndReason | None:
        """Nothing plays and nothing waits: the end of a turn, the goodbye, a hang-up."""
        parts, floor = self._parts, self._parts.floor
        if (parts.playout.has_floor(parts.step.now_us) and not floor.taken_over) or floor.state is State.OPENING:
            return None
        if not parts.greeting.is_over:
            parts.greeting.line_silent()
        parts.turn_log.look()
        if floor.stream_stage is not StreamStage.HERE:
            parts.send_digits.line_silent()
            return None
        if floor.line_silent(response_awaited=parts.session.now.responses.awaited):
            parts.goodbye.played_out()
            return "bot_hung_up"
        if floor.goodbye_stage is not GoodbyeStage.NONE and parts.goodbye.go_on(ready=parts.uplink.ready):
            return parts.goodbye.why
        return None

    def _pause(self) -> None:
        """Nobody speaks, perhaps: a silence that counts, or the moment for what waits for one."""
        parts = self._parts
        if parts.functions.held and parts.uplink.ready:
            parts.functions.settle()
        pause = parts.floor.silent()
        silent = pause and parts.uplink.ready
        if silent is not parts.idle.silent:
            parts.idle.hear(silent=silent)
        if parts.failover.next is NextStage.WAITING:
            self._session.replacement.change(pause=pause, calm=parts.floor.calm)

    # ---- what is due ----

    def _look(self) -> None:
        """The call has moved: each rule that depends on it keeps when it is due."""
        if self._parts.floor.greeting_stage is not GreetingStage.HEARD:
            self._parts.opening.look()
        for rule in self._lookers:
            rule.look()
        if self._parts.floor.ending:
            self._parts.secret_entry.give_way()
        self._rules_us = min([rule.due_us for rule in self._rules])
        self.played()

    def played(self) -> None:
        """Playing has gone on, if nothing else has."""
        floor_us, probe_us = self._parts.playout.due_us(self._parts.step.now_us)
        self.soonest_us = min(self._rules_us, floor_us)
        self._due_us = min(self.soonest_us, probe_us)

    @property
    def deadline_us(self) -> int | None:
        """Moment of the next Tick. Frames of the caller put off but the end of a gap; all else moves with steps."""
        due_us, gap_us = self._due_us, self._parts.uplink.deadline_us()
        if gap_us is not None and gap_us < due_us:
            return gap_us
        return None if due_us == NEVER_US else due_us

    def tick(self, _: Tick) -> EndReason | None:
        """A gap, or a mark on the empty buffer, moves nothing; a rule that is due may."""
        parts, step = self._parts, self._parts.step
        gap = parts.uplink.tick(step.now_us) if parts.uplink.ready else []
        probe = parts.playout.probe(step.now_us)
        step.out += [*gap, *probe]
        if self._rules_us <= step.now_us:
            return self._due()
        step.follows = "nothing" if probe and not gap else "what is due"
        self.played()  # also when no mark went out: the time to ask for one may be over
        return None

    def _due(self) -> EndReason | None:
        """Let each rule act that is due. One that looked, and found nothing, has said so in `follows`."""
        step, failover = self._parts.step, self._parts.failover
        before, acted = failover.at_hand, False
        for rule in self._rules:
            if rule.due_us <= step.now_us:
                step.follows = "anything"
                why = rule.due()
                if why is not None or failover.at_hand is not before:  # what follows from a lost session comes first
                    return why
                acted = acted or step.follows == "anything"
        if acted:
            step.follows = "anything"
        else:
            self._rules_us = min([rule.due_us for rule in self._rules])
            self.played()
        return None
