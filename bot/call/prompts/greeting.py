"""The greeting: asked of the model, or played from a recording; when the caller has heard it.

A recorded greeting that is cut short is replaced, at the model, by what was heard of it: it is a text item there, which
can't be truncated (bot.call.prompts.recorded_prompt).
"""

from __future__ import annotations

from typing import Any

from bot.call.playout.ledger import Entry
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.recorded_prompt import RecordedPrompt
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.transcript.transcript import Transcript

RECORDED_ITEM = "recorded_greeting"
HEARD_ITEM = "recorded_greeting_heard"


class Greeting:
    """The first thing the caller hears; without words to greet with, over before it begins."""

    def __init__(
        self, settings: CallSettings, session: CurrentSession, playout: PlayoutQueue, transcript: Transcript
    ) -> None:
        self.recorded: RecordedPrompt | None = None
        self.is_over = not settings.greets
        self._response_id: str | None = None
        self._session = session
        self._playout = playout
        if settings.greets and settings.greeting_audio:
            audio, words = settings.greeting_audio, settings.greeting
            self.recorded = RecordedPrompt(RECORDED_ITEM, words, audio, playout, transcript)

    def owns(self, entry: Entry) -> bool:
        """True if `entry` is the greeting's."""
        return entry.item_id == RECORDED_ITEM or (bool(entry.response_id) and entry.response_id == self._response_id)

    @property
    def unmade(self) -> bool:
        """Nothing of it is on its way to the caller."""
        return self._response_id is None

    def made_by(self, response_id: str) -> bool:
        """Tell the response that makes the greeting from others."""
        return response_id == self._response_id

    def response_created(self, response_id: str) -> None:
        if self._response_id is None and not self.is_over and not self.recorded:
            self._response_id = response_id

    def response_failed(self, response_id: str) -> None:
        """The response was not to be had: the next one is the greeting."""
        if response_id == self._response_id:
            self._response_id = None

    def given_up(self) -> None:
        """No answer is to be had at present: a greeting of which nothing was made does not come any more."""
        self.is_over = self.is_over or (self._response_id is None and not self.recorded)

    def broken_off(self) -> None:
        """The session is lost: a greeting of which nothing was made will be asked for again."""
        asked, responses = self._response_id, self._session.now.responses
        if asked is not None and asked == responses.active and not responses.suppressed(asked):
            self._response_id = asked if self._playout.ledger.of_response(asked) else None

    def line_silent(self) -> None:
        """Nothing plays and nothing waits: a greeting that has been generated has been heard."""
        if self.recorded or (self._session.now.responses.active is None and self._response_id is not None):
            self.is_over = True

    def over(self, now_us: int) -> bool:
        """True if the greeting has been heard, even if what came right behind it still plays."""
        return self.is_over or self._heard(now_us)

    def _heard(self, now_us: int) -> bool:
        if not self.recorded and self._response_id in {None, self._session.now.responses.active}:
            return False
        return all(entry.finished for entry in self._playout.ledger.heard(now_us) if self.owns(entry))


OPEN = (
    "Begin the call now: the person who was called has picked up. In one or two short sentences say who is calling and "
    "why, and ask whether this is a good moment. Say nothing else yet."
)
EXACTLY = "Begin the call now: say exactly the following to the caller, and nothing else.\n\n"


def greeting_response(words: str, instructions: str) -> dict[str, Any]:
    """Parameters of the `response.create` for what the bot says first. Without `words` the model finds some."""
    return with_own_instructions(EXACTLY + words if words else OPEN, instructions)


def with_own_instructions(ask: str, instructions: str) -> dict[str, Any]:
    """Parameters of a response that does as `ask` says.

    Its instructions replace the session's (openai-realtime 3.1).
    """
    return {"instructions": f"{instructions}\n\n{ask}" if instructions else ask}
