"""The cut of the transcript held against the words that the phone truly played, in the eight situations."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from bot.call.call import Call
from bot.call.facts import TurnFact
from bot.call.transcript.alignment import Placed, Sent, Voice
from tests.proof.situations import SITUATIONS, Network, Outcome, Situation, replace_items, run
from tests.proof.speech import LEADS, Lead, Said, Speaker, say

NETWORK = Network("40 ms", 40, 10)
WORDS = 2
SHARE = 0.95
GREETING_MS = 2_400
UNFINISHED = ("still generating", "generation stalled")


@dataclass(frozen=True)
class Miss:
    """Error of one cut: words kept too many, and how much later the last of them ends than the last one played."""

    words: int
    ms: float


@dataclass(frozen=True)
class Count:
    """Cuts of one situation with one kind of lead. `faults` must never be, in words."""

    situation: str
    lead: Lead
    misses: tuple[Miss, ...]
    faults: tuple[str, ...]

    @property
    def within(self) -> float:
        """Share of the cuts that are at most two words off."""
        return sum(abs(one.words) <= WORDS for one in self.misses) / len(self.misses)

    @property
    def bounded(self) -> bool:
        """True when the bound is asked of it: a text that comes whole at once tells nothing of audio still to come."""
        return self.lead != "whole text first" or self.situation not in UNFINISHED

    @property
    def good(self) -> bool:
        return not self.faults and (self.within >= SHARE or not self.bounded)

    def row(self) -> str:
        words = sorted(abs(one.words) for one in self.misses)
        ms = sorted(abs(one.ms) for one in self.misses)
        p50, p95 = len(words) // 2, min(int(len(words) * SHARE), len(words) - 1)
        bias = sum(one.words for one in self.misses) / len(words)
        verdict = "BAD " + "; ".join(self.faults[:2]) if not self.good else "good" if self.bounded else "no bound"
        return (
            f"{self.situation:<42}{self.lead:<18}{len(words):>5}{words[p50]:>5}{words[p95]:>5}{words[-1]:>5}{bias:>+7.2f}"
            f"{ms[p50]:>8.0f}{ms[p95]:>8.0f}{self.within:>9.1%}  {verdict}"
        )


HEADER = (
    f"{'situation':<42}{'lead of the text':<18}{'cuts':>5}{'p50':>5}{'p95':>5}{'max':>5}{'bias':>7}"
    f"{'p50 ms':>8}{'p95 ms':>8}{'within 2':>9}"
)


class NaiveVoice(Voice):
    """A control: the text that has come is spread evenly over the audio that has come. It must fail the set."""

    def placed(self, text: str, sent: Sequence[Sent], whole_ms: float | None) -> Placed:
        return NaivelyPlaced(text, sent, whole_ms)


class NaivelyPlaced(Placed):
    def __init__(self, text: str, sent: Sequence[Sent], whole_ms: float | None) -> None:
        self._text, self._sent, self._whole_ms = text, sent, whole_ms

    def heard_chars(self, heard_ms: float) -> int:
        text, sent = self._text, self._sent
        received_ms = self._whole_ms or max(sent[-1].audio_ms, heard_ms, 1) if sent else heard_ms
        at = min(round(len(text) * heard_ms / received_ms), len(text))
        return at if at == len(text) else max(text.rfind(" ", 0, at + 1), 0)


def naive(call: Call) -> None:
    call.transcript.voice = NaiveVoice()


def count(
    situation: Situation, lead: Lead, n: int, prepare: Callable[[Call], None] | None = None, seed: str = ""
) -> Count:
    """`n` calls of one situation; the same seed gives the same calls."""
    misses: list[Miss] = []
    faults: list[str] = []
    for number in range(n):
        rng = random.Random(f"{situation.name} {lead} {number} {seed}")
        speaker = Speaker.any(rng)
        replies = [[say(rng, speaker, item.audio_ms, lead) for item in reply.items] for reply in situation.replies]
        greeting = say(rng, speaker, GREETING_MS, lead)
        played = replace(
            situation,
            replies=tuple(
                replace_items(reply, tuple(said.spoken for said in items))
                for reply, items in zip(situation.replies, replies, strict=True)
            ),
        )
        outcome = run(played, NETWORK, rng, prepare=prepare, greeting=greeting.spoken)
        faults += outcome.faults
        _judge(situation, outcome, replies, misses, faults)
    return Count(situation.name, lead, tuple(misses), tuple(faults))


def _judge(
    situation: Situation, outcome: Outcome, replies: list[list[Said]], misses: list[Miss], faults: list[str]
) -> None:
    facts = {fact.number: fact for _, fact in outcome.call.facts if isinstance(fact, TurnFact)}
    told = [fact for fact in facts.values() if fact.who == "bot"]
    for number, items in enumerate(replies):
        if situation.interrupts:
            played = outcome.cuts[number].played_ms
        else:
            played = tuple(float(said.spoken.audio_ms) for said in items)
        for said, played_ms in zip(items, played, strict=True):
            fact = _fact_of(said, told)
            kept = (fact.text or "").split() if fact is not None else []
            if played_ms < 1 and kept:
                faults.append(f"words of an item that was not heard: {kept}")
            if fact is not None and fact.cut != (played_ms < said.spoken.audio_ms):
                faults.append(f"cut is {fact.cut} where {played_ms} of {said.spoken.audio_ms} ms were played")
            if 1 <= played_ms < said.spoken.audio_ms or not situation.interrupts:
                misses.append(_miss(said, len(kept), played_ms))


def _fact_of(said: Said, told: list[TurnFact]) -> TurnFact | None:
    """The turn that is this item: its words, heard and unheard, are the item's first ones."""
    words = said.spoken.transcript.split()
    with_words = [(f"{fact.text or ''} {fact.unheard}".split(), fact) for fact in told]
    fitting = [(len(has), fact) for has, fact in with_words if has and has == words[: len(has)]]
    return max(fitting, key=lambda one: one[0])[1] if fitting else None


def _miss(said: Said, kept: int, played_ms: float) -> Miss:
    truly = said.n_words(played_ms)
    ends = (0.0, *said.ends_ms)
    return Miss(kept - truly, ends[kept] - ends[truly])


def counts(n: int) -> Iterable[Count]:
    """Every situation with every kind of lead, on all processors."""
    jobs = [(situation, lead, n) for lead in LEADS for situation in SITUATIONS]
    with ProcessPoolExecutor() as pool:
        yield from pool.map(count, *zip(*jobs, strict=True))
