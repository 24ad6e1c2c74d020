"""Refusals to make a call, each with its HTTP status, a name for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "bad_request": 400,
        "malformed": 400,
        "emergency": 403,
        "short": 403,
        "premium": 403,
        "shared_cost": 403,
        "personal": 403,
        "satellite": 403,
        "unknown": 403,
        "own_number": 403,
        "not_allowed": 403,
        "quiet_hours": 403,
        "unknown_profile": 422,
        "key_reused": 409,
        "being_placed": 409,
        "doubtful": 409,
        "per_number": 429,
        "per_day": 429,
        "spend_limit": 429,
        "twilio_refused": 502,
        "not_set_up": 503,
        "draining": 503,
        "full": 503,
        "no_store": 503,
        "model_unavailable": 503,
        "twilio_silent": 504,
    }
)
"""Every name there is; that of a number's refusal is as in bot.numbering.dial_rules."""


class NotPlaced(Exception):
    """No call was made. `not_before`: it may be then. `twilio`: the number of Twilio's error, if it has one."""

    def __init__(self, code: str, sentence: str, *, not_before: datetime | None = None, twilio: int = 0) -> None:
        super().__init__(sentence)
        self.code = code
        self.status = STATUSES[code]
        self.sentence = sentence
        self.not_before = not_before
        self.twilio = twilio
