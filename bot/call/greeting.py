"""The greeting: how it is asked for, which response it is, and when the caller has heard it."""

from __future__ import annotations

from typing import Any

from bot.call.responses import Responses
from bot.call.settings import CallSettings
from bot.call.speaking import Speaking


class Greeting:
    """The call's first response; without words to greet with, over before it begins."""

    def __init__(self, settings: CallSettings, responses: Responses, speaking: Speaking) -> None:
        self._over = not settings.greeting
        self._response_id: str | None = None
        self._responses = responses
        self._speaking = speaking

    def response_created(self, response_id: str) -> None:
        if self._response_id is None and not self._over:
            self._response_id = response_id

    def response_failed(self, response_id: str) -> None:
        """The response was not to be had: the next one is the greeting."""
        if response_id == self._response_id:
            self._response_id = None

    def line_silent(self) -> None:
        """Nothing plays and nothing waits: a greeting that has been generated has been heard."""
        if self._responses.active is None and self._response_id is not None:
            self._over = True

    def over(self, now_us: int) -> bool:
        """Whether the greeting has been heard, even if what came right behind it still plays."""
        return self._over or self._heard(now_us)

    def _heard(self, now_us: int) -> bool:
        greeting = self._response_id
        if greeting is None or greeting == self._responses.active:
            return False
        entries = self._speaking.ledger.heard(now_us)
        return all(entry.finished for entry in entries if entry.response_id == greeting)


def greeting_response(words: str, instructions: str) -> dict[str, Any]:
    """Parameters of the greeting's `response.create`: its instructions replace the session's (section 3.1)."""
    ask = f"Begin the call now: say exactly the following to the caller, and nothing else.\n\n{words}"
    return {"instructions": f"{instructions}\n\n{ask}" if instructions else ask}
