"""A call that leads nowhere: hold music, a recorded announcement, another machine (failures 56).

The measure is new words. A turn has some when its transcript is not empty and, having three words or more, is not
nearly the same as one of the last few; one of a word or two (`yes`) must differ from the turn before. When for
`no_progress_s` no turn had new words although MIN_TURNS came, or one speech alone goes on for that long, it is over.
Turns whose words are not known tell nothing.
"""

from __future__ import annotations

import re
from collections import Counter

from bot.call.conversation.floor import Floor
from bot.call.outputs import EndReason
from bot.call.rule import NEVER_US, Bound
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.step import Step

MIN_TURNS = 5
COMPARED = 8
"""Turns that a new one is compared with."""
SHORT_WORDS = 2
NEARLY = 0.8
"""Share of the words of two turns that they have in common, from which on they are the same."""
_MAX_WORDS = 100
_WORD = re.compile(r"\w+")


class NoProgress(Bound):
    """`no_progress_s` 0: every call may lead nowhere."""

    reason: EndReason = "idle"

    def __init__(self, settings: CallSettings, step: Step, session: CurrentSession, floor: Floor) -> None:
        self._longest_us = round(settings.no_progress_s * 1_000_000)
        self._step = step
        self._session = session
        self._floor = floor
        self._since_us = 0
        """Moment at which the last new words came."""
        self._turns = 0
        """Turns without new words since then."""
        self._person_us = 0
        """Moment at which they were last seen to be with a person: what led nowhere before counts from there."""
        self._said: list[list[str]] = []

    def stream_started(self) -> None:
        self._since_us = self._step.now_us

    def caller_words(self, text: str) -> None:
        """Words of the caller, as they were understood."""
        words = _WORD.findall(text.casefold())[:_MAX_WORDS]
        if self._floor.taken_over or (words and self._new(words)):  # with a person they get on, as far as we know
            self._since_us = self._step.now_us
            self._turns = 0
        else:
            self._turns += 1
        if words:
            self._said = [*self._said, words][-COMPARED:]
        self.look()

    def _new(self, words: list[str]) -> bool:
        if len(words) <= SHORT_WORDS:
            return not self._said or words != self._said[-1]
        return not any(likeness(words, before) >= NEARLY for before in self._said)

    def reached(self) -> None:
        self._step.warn("no_progress", turns=self._turns, for_s=(self._step.now_us - self._since_us) // 1_000_000)

    def due(self) -> None:
        """The bound is reached, unless the speech that counted is over."""
        self.look()

    def look(self) -> None:
        """Reckon when it is reached, should nothing new be said."""
        over_us = NEVER_US
        since_us = self._since_us if self._turns >= MIN_TURNS else self._session.now.speech_us
        if self._floor.taken_over:
            self._person_us = self._step.now_us
        elif self._longest_us and since_us is not None:
            over_us = max(since_us, self._person_us) + self._longest_us
        reached = over_us <= self._step.now_us
        self.level, self.due_us = (2, NEVER_US) if reached else (0, over_us)


def likeness(one: list[str], other: list[str]) -> float:
    """Share of words that two turns have in common: from 0, no word, to 1, the same words in whatever order."""
    shared = Counter(one) & Counter(other)
    return 2 * shared.total() / (len(one) + len(other))
