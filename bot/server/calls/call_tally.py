"""What a call has told of its waits and its money since the meter last looked: added to a few times a turn."""

from __future__ import annotations

from collections import Counter

from bot.call.facts import Fact, UsageFact, Wait, WaitFact


class CallTally:
    """Whoever counts what stands here takes it away."""

    __slots__ = ("_billed", "nano_usd", "tokens", "waits")

    def __init__(self) -> None:
        self.waits: list[tuple[Wait, int]] = []
        """What was waited for, and microseconds."""
        self.tokens: Counter[str] = Counter()
        self.nano_usd: Counter[str] = Counter()
        """Billionths of a dollar by the kind of usage."""
        self._billed: set[int] = set()

    def note(self, fact: Fact) -> None:
        """A usage counts once, however often it is told."""
        if isinstance(fact, WaitFact):
            self.waits.append((fact.what, fact.us))
        elif isinstance(fact, UsageFact) and fact.number not in self._billed:
            self._billed.add(fact.number)
            self.tokens.update(fact.tokens)
            self.nano_usd[fact.kind] += fact.nano_usd

    def clear(self) -> None:
        """All of it was counted."""
        self.waits.clear()
        self.tokens.clear()
        self.nano_usd.clear()
