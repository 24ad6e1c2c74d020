"""When the call has something to do should nothing come, and what is done then."""

from __future__ import annotations

from bot.call.inputs import Tick
from bot.call.outputs import EndReason
from bot.call.rule import NEVER_US, Rule
from bot.call.wiring import Parts


class Deadlines:
    """Keeps the earliest deadline of the rules, and beside it when the bot's floor ends.

    The two ways of audio have times of their own: they move with every frame and delta, so they are asked when needed.
    """

    def __init__(self, parts: Parts, rules: tuple[Rule, ...]) -> None:
        self._parts = parts
        self._rules = rules
        self._lookers = [rule for rule in rules if type(rule).look is not Rule.look]
        self._rules_us = NEVER_US
        self.soonest_us = NEVER_US
        """When something is due in which the call may move: a rule, or the end of the bot's floor."""
        self._due_us = NEVER_US
        """The same, or when a mark on the empty buffer is."""
        self.look()

    def look(self) -> None:
        """The call has moved: each rule keeps when it is due."""
        for rule in self._lookers:
            rule.look()
        self._rules_us = min([rule.due_us for rule in self._rules])
        self.played()

    def played(self) -> None:
        """Playing has gone on, if nothing else has."""
        floor_us, probe_us = self._parts.speaking.due_us(self._parts.step.now_us)
        self.soonest_us = min(self._rules_us, floor_us)
        self._due_us = min(self.soonest_us, probe_us)

    @property
    def deadline_us(self) -> int | None:
        """When the next Tick is due. Frames of the caller put off but the end of a gap; all else moves with steps."""
        due_us, gap_us = self._due_us, self._parts.uplink.deadline_us()
        if gap_us is not None and gap_us < due_us:
            return gap_us
        return None if due_us == NEVER_US else due_us

    def tick(self, _: Tick) -> EndReason | None:
        """A gap, or a mark on the empty buffer, moves nothing; a rule that is due may."""
        parts, step = self._parts, self._parts.step
        gap = parts.uplink.tick(step.now_us) if parts.uplink.ready else []
        probe = parts.speaking.probe(step.now_us)
        step.out += [*gap, *probe]
        if self._rules_us <= step.now_us:
            return self._due()
        step.follows = "nothing" if probe and not gap else "what is due"
        self.played()  # also when no mark went out: the time to ask for one may be over
        return None

    def _due(self) -> EndReason | None:
        step, sessions = self._parts.step, self._parts.sessions
        deaf = sessions.deaf
        for rule in self._rules:
            if rule.due_us <= step.now_us:
                why = rule.due()
                if why is not None or sessions.deaf is not deaf:  # what follows from a lost session comes first
                    return why
        return None
