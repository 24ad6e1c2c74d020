"""The greeting: asked of the model, or played from a recording; when the caller has heard it.

A recorded greeting costs no tokens and no wait. The model knows it as an assistant's text item, since assistant audio
can't be created (openai-realtime.md, section 3.1); cut short, the item is replaced by what was heard of it.
"""

from __future__ import annotations

from typing import Any

from bot.call.responses import Responses
from bot.call.settings import CallSettings
from bot.call.speaking import Speaking
from bot.call.transcript import Transcript

RECORDED_ITEM = "recorded_greeting"
HEARD_ITEM = "recorded_greeting_heard"


class Greeting:
    """The first thing the caller hears; without words to greet with, over before it begins."""

    def __init__(
        self, settings: CallSettings, responses: Responses, speaking: Speaking, transcript: Transcript
    ) -> None:
        self.recorded = bool(settings.greeting and settings.greeting_audio)
        self._over = not settings.greeting
        self._response_id: str | None = None
        self._responses = responses
        self._speaking = speaking
        if self.recorded:
            transcript.bot_words_done(RECORDED_ITEM, 0, settings.greeting)
            entry = speaking.ledger.entry(RECORDED_ITEM, 0, "")
            speaking.delta(entry, settings.greeting_audio, 0)  # held until the call begins
            speaking.done(entry, 0)

    def response_created(self, response_id: str) -> None:
        if self._response_id is None and not self._over and not self.recorded:
            self._response_id = response_id

    def response_failed(self, response_id: str) -> None:
        """The response was not to be had: the next one is the greeting."""
        if response_id == self._response_id:
            self._response_id = None

    def line_silent(self) -> None:
        """Nothing plays and nothing waits: a greeting that has been generated has been heard."""
        if self.recorded or (self._responses.active is None and self._response_id is not None):
            self._over = True

    def over(self, now_us: int) -> bool:
        """Whether the greeting has been heard, even if what came right behind it still plays."""
        return self._over or self._heard(now_us)

    def _heard(self, now_us: int) -> bool:
        greeting = "" if self.recorded else self._response_id
        if greeting is None or greeting == self._responses.active:
            return False
        entries = self._speaking.ledger.heard(now_us)
        return all(entry.finished for entry in entries if entry.response_id == greeting)


def said_item(item_id: str, words: str) -> dict[str, Any]:
    """An item by which the model knows what it has said without having made it."""
    content = [{"type": "output_text", "text": words}]
    return {"id": item_id, "type": "message", "role": "assistant", "content": content}


def greeting_response(words: str, instructions: str) -> dict[str, Any]:
    """Parameters of the greeting's `response.create`: its instructions replace the session's (section 3.1)."""
    ask = f"Begin the call now: say exactly the following to the caller, and nothing else.\n\n{words}"
    return {"instructions": f"{instructions}\n\n{ask}" if instructions else ask}
