"""Money at a desk: a token is a cent, so that a usage reads as a sum."""

from __future__ import annotations

from typing import Any

from bot.call.settings import CallSettings, Money
from bot.realtime import events
from bot.realtime.usage import PerMinute, PerToken

USD = 1_000_000_000
CENT = USD // 100
PRICES = PerToken(text_in=CENT, text_cached=CENT // 10, text_out=CENT)
"""Ten cached tokens are a cent."""


def purse(*, cents: int = 100, day_cents: int = 0, line_cents: int = 0, **fields: Any) -> CallSettings:
    """Settings of a call that may cost so much; transcription is a cent a second."""
    money = Money(PRICES, PerMinute(60 * CENT), line_cents * CENT, cents * CENT, day_cents * CENT)
    return CallSettings(money=money, **fields)


def used(cents: int) -> dict[str, Any]:
    return {"output_token_details": {"text_tokens": cents, "audio_tokens": 0}}


def billed(response: str, cents: int, status: str = "completed", **fields: Any) -> events.ResponseDone:
    """A response is over and has cost so much."""
    return events.ResponseDone(events.Response(response, status, usage=used(cents), **fields))


def spoken_over(response: str, cents: int) -> events.ResponseDone:
    """The same, where the caller spoke before a sound of it."""
    return billed(response, cents, "cancelled", status_details=events.StatusDetails("cancelled", "turn_detected"))


def heard(item: str, seconds: float, words: str = "words") -> events.CallerTranscript:
    """The caller's turn was written down and billed by time."""
    return events.CallerTranscript(item, words, usage={"type": "duration", "seconds": seconds})


def goodbye(response: str) -> events.ResponseCreated:
    """The goodbye that was asked for is being made: the server gives its metadata back."""
    return events.ResponseCreated(events.Response(response, "in_progress", metadata={"purpose": "goodbye"}))
