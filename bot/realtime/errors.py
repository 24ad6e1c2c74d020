"""`error` events sorted by what they mean for a call (openai-realtime.md, section 6)."""

from __future__ import annotations

from typing import Literal

from bot.realtime.events import Problem

Severity = Literal["harmless", "turn", "fatal"]

FATAL = frozenset(
    {
        "session_expired",
        "invalid_api_key",
        "invalid_model",
        "missing_model",
        "model_not_found",
        "beta_api_shape_disabled",
        "insufficient_quota",
        "account_deactivated",
        "billing_hard_limit_reached",
    }
)
HARMLESS = frozenset(
    {
        "response_cancel_not_active",
        "conversation_already_has_active_response",
        "input_audio_buffer_commit_empty",
        "item_truncate_invalid_item_id",
        "item_delete_invalid_item_id",
        "item_retrieve_invalid_item_id",
    }
)


def severity(problem: Problem) -> Severity:
    """A refused truncate never mutes or ends a call; a server error costs the turn; a few codes end the session."""
    if problem.code in FATAL:
        return "fatal"
    if problem.code in HARMLESS or "already shorter than" in (problem.message or ""):
        return "harmless"
    if problem.type == "invalid_request_error":
        return "harmless"
    return "turn"
