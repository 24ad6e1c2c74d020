"""Fillers: while callers wait they hear a short recording, when nothing else comes in time.

A filler is an entry of the ledger that no item of the conversation stands for. It is cleared like all audio; the model
is told nothing of it, and the transcript has no turn of it. What comes meanwhile plays behind it. It takes no floor: a
caller who hears a filler still waits.
"""

from __future__ import annotations

from typing import Literal

from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.recorded_prompt import play
from bot.call.rule import NEVER_US, Rule
from bot.call.settings import CallSettings
from bot.call.step import Step

REPEAT_US = 6_000_000
"""From the end of one filler to the next, while the wait lasts."""


class Filler(Rule):
    """Told after each step whether the caller waits. Without recordings, or with a time of 0, it keeps silent."""

    def __init__(self, settings: CallSettings, step: Step, playout: PlayoutQueue) -> None:
        self._step = step
        self._playout = playout
        self._moment = settings.filler_audio
        self._apology = settings.apology_audio
        self._patience_us = round(settings.filler_s * 1_000_000)
        self._expected: tuple[int, int] | None = None
        """By when something must be heard, and how long after the end of what plays until then."""
        self._since_us: int | None = None
        self._played = 0
        """In the wait at hand."""
        self._number = 0

    def expect(self, by_us: int, gap_us: int) -> None:
        """There is another reason to wait: something must be heard by then, and `gap_us` after what plays until then.

        It counts from now, whatever was played before in the wait at hand, or in the one that begins in this step. It
        is done with once something is played, or when the wait is over.
        """
        if self._expected is not None:
            by_us, gap_us = min(by_us, self._expected[0]), min(gap_us, self._expected[1])
        self._expected = (by_us, gap_us)

    def wait(self, *, waits: bool) -> None:
        """The call has moved: whether the caller waits for something to be heard."""
        if not waits:
            self._since_us, self._expected, self._played = None, None, 0
        elif self._since_us is None:
            self._since_us = self._step.now_us
        self.due_us = self._reckon()

    @property
    def awaited(self) -> bool:
        """True if the caller waited after the last step."""
        return self._since_us is not None

    def _reckon(self) -> int:
        """The line's silence counts from the end of what plays, and the wait's from its own beginning."""
        if self._since_us is None or not self._moment or not self._patience_us or self._blocked:
            return NEVER_US
        last, ends_us = self._playout.ledger.last, self._playout.ledger.end_us() or 0
        if self._played and last is not None and last.aside:
            due_us = ends_us + REPEAT_US
        else:
            due_us = max(self._since_us, ends_us) + self._patience_us
        if self._expected is None:
            return due_us
        by_us, gap_us = self._expected
        return min(due_us, max(by_us, ends_us + gap_us))

    @property
    def _blocked(self) -> bool:
        """The line takes nothing at this moment: whatever waits there is heard first, or the caller speaks."""
        playout = self._playout
        return playout.full or playout.paused or (playout.waiting and playout.begun)

    def due(self) -> None:
        """Play a filler, if one is due by what plays now."""
        self.due_us = self._reckon()
        if self._since_us is None or self._step.now_us < self.due_us:
            self._step.follows = "what is due"  # what came meanwhile has put it off
        else:
            self._playout.begun = True  # the caller may hear this before both sides are ready
            self._step.report("filler_played", after_ms=(self._step.now_us - self._since_us) // 1000)
            self._play("filler", self._moment)
            self.due_us = self._reckon()

    def play(self) -> None:
        """Play a filler now, for a wait that is kept elsewhere, if there is one and the line takes it."""
        if self._moment and self._patience_us and not self._blocked:
            self._step.report("filler_played", after_ms=0)
            self._play("filler", self._moment)

    def apologise(self) -> bool:
        """Say that there is no answer: whether there is a recording that does."""
        if not self._apology:
            return False
        self._step.warn("apology_played")
        self._play("apology", self._apology)
        return True

    def _play(self, what: Literal["filler", "apology"], audio: str) -> None:
        self._played += 1
        self._expected = None
        self._number += 1
        entry = self._playout.ledger.entry(f"{what}_{self._number}", 0, "")
        entry.aside = True
        self._step.counts[f"{what}_played"] += 1
        self._step.send_all(play(self._playout, entry, audio, self._step.now_us))
