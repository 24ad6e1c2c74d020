"""Plain integers that one call counts for the metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bot.call.facts import Fact, UsageFact, Wait, WaitFact


@dataclass(slots=True)
class CallTraffic:
    """Messages over a call's two sockets, and their bytes: the only counting that is done for every message.

    The length is that of the JSON text, without WebSocket's framing.
    """

    from_phone: int = 0
    from_phone_bytes: int = 0
    to_phone: int = 0
    to_phone_bytes: int = 0
    from_model: int = 0
    from_model_bytes: int = 0
    to_model: int = 0
    to_model_bytes: int = 0


@dataclass(slots=True)
class CallTally:
    """Waits, money and refusals of a call since the meter last looked."""

    waits: list[tuple[Wait, int]] = field(default_factory=list)
    """Each with its microseconds."""
    tokens: Counter[str] = field(default_factory=Counter)
    nano_usd: Counter[str] = field(default_factory=Counter)
    """Billionths of a dollar by the kind of usage."""
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Messages that were refused, by way and kind."""
    reported_us: dict[str, int] = field(default_factory=dict)
    """Time of the first report of each name, since the call began."""
    _billed: set[int] = field(default_factory=set)

    def note(self, fact: Fact) -> None:
        """Count a fact. A usage counts once, however often it is told."""
        if isinstance(fact, WaitFact):
            self.waits.append((fact.what, fact.us))
        elif isinstance(fact, UsageFact) and fact.number not in self._billed:
            self._billed.add(fact.number)
            self.tokens.update(fact.tokens)
            self.nano_usd[fact.kind] += fact.nano_usd

    def clear(self) -> None:
        self.waits.clear()
        self.tokens.clear()
        self.nano_usd.clear()
        self.refusals.clear()
