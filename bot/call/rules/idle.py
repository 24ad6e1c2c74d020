"""A caller who says nothing: asked whether they are there, asked once more, then told goodbye.

Counted is the time in which nobody speaks since their last words. The clock stands still while the bot speaks, an
answer is due, or the session hears speech; what the transcription finds to be no words sets nothing back.
Frames are nothing to it: noise that is not taken for speech is silence. A turn of which nobody ever tells the words
counts as words where the session writes none down; where it does, one that it leaves out for WORDS_US had none.
"""

from __future__ import annotations

from typing import Any

from bot.call.outputs import EndReason
from bot.call.rule import NEVER_US, Bound
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.step import Step

MAX_PROMPTS = 2
WORDS_US = 10_000_000
"""After this no words of a turn come any more: servers take half a second (openai-realtime W5)."""
REMEMBERED = 8
"""Turns whose words are not known yet."""
PROMPT = (
    "The caller has said nothing for a while. In one short sentence, in the language of the conversation, ask whether "
    "he or she is still there. Do not go on with anything else."
)
PARAMETERS: dict[str, Any] = {"tool_choice": "none", "metadata": {"purpose": "still_there"}}
"""The words stand in an item, not in instructions of the response: those would cost the cache its hits."""


class Idle(Bound):
    """`idle_s` 0: nobody is ever asked."""

    reason: EndReason = "idle"

    def __init__(self, settings: CallSettings, step: Step, session: CurrentSession) -> None:
        self.silent = False
        """Nobody speaks, nothing is awaited, and the session is there to ask."""
        self.full_us = NEVER_US
        """Moment at which the silence at hand is long enough to do something about."""
        self._longest_us = round(settings.idle_s * 1_000_000)
        self._step = step
        self._session = session
        self._quiet_us = 0
        """Silence so far, up to `_since_us`."""
        self._since_us: int | None = None
        """Since when the silence at hand lasts; None while there is none."""
        self._prompts = 0
        self._number = 0
        self._written = False
        """True if any turn of the call was written down."""

    def hear(self, *, silent: bool) -> None:
        """A silence has begun, or is over."""
        now_us, since_us, self.silent = self._step.now_us, self._since_us, silent
        if silent:
            self._since_us = now_us
        elif since_us is not None:
            self._quiet_us += now_us - since_us
            self._since_us = None
        self._reckon()

    def _reckon(self) -> None:
        """Moment at which it is long enough, or when words that were waited for come no more."""
        since_us, now_us = self._since_us, self._step.now_us
        self.full_us = NEVER_US
        if since_us is not None and self._longest_us:
            self.full_us = since_us + self._longest_us - self._quiet_us
        full = self.full_us <= now_us
        self.level = 2 if full and self._prompts == MAX_PROMPTS else 0
        self.due_us = min(self._words_due_us(), NEVER_US if full else self.full_us)

    def caller_turn(self, item_id: str) -> None:
        """The caller's turn was committed: words, until the opposite is known."""
        doubtful = self._session.now.doubtful
        if item_id not in doubtful:
            doubtful[item_id] = (self._silence_us(), self._prompts, self._step.now_us)
            while len(doubtful) > REMEMBERED:
                del doubtful[next(iter(doubtful))]
        self._prompts = 0
        self._reset()

    def caller_keyed(self) -> None:
        """The caller has pressed keys, which is as good as words."""
        self._session.now.doubtful.clear()
        self._prompts = 0
        self._reset()

    def caller_words(self, item_id: str, text: str) -> None:
        """Words of the caller, as they were understood."""
        self._written = True
        doubtful = self._session.now.doubtful
        quiet_us, prompts, _ = doubtful.pop(item_id, (0, 0, 0))
        if text:
            doubtful.clear()
        else:
            self._quiet_us += quiet_us
            self._prompts = max(self._prompts, prompts)
        self._reckon()

    def due(self) -> None:
        """Turns of which no words come any more had none; a silence that is long enough is minded anyway."""
        while self._words_due_us() <= self._step.now_us:
            self.caller_words(next(iter(self._session.now.doubtful)), "")
        self._reckon()

    def _words_due_us(self) -> int:
        doubtful = self._session.now.doubtful
        if not (self._written and doubtful):
            return NEVER_US
        _, _, at_us = next(iter(doubtful.values()))  # the oldest
        return at_us + WORDS_US

    def mind(self) -> None:
        """Ask whether they are there, the silence being long enough. The request goes out as any other."""
        if self._prompts < MAX_PROMPTS:
            self._prompts += 1
            self._reset()
            self._number += 1
            self._step.counts["idle_prompts"] += 1
            self._step.report("idle_prompt", number=self._prompts)
            self._step.tell(f"still_there_{self._number}", PROMPT)
            self._session.now.responses.want(PARAMETERS)

    def reached(self) -> None:
        self._step.warn("idle_reached", prompts=self._prompts)

    def _silence_us(self) -> int:
        return self._quiet_us + (0 if self._since_us is None else self._step.now_us - self._since_us)

    def _reset(self) -> None:
        self._quiet_us = 0
        if self._since_us is not None:
            self._since_us = self._step.now_us
        self._reckon()
