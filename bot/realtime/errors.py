"""`error` events sorted by what they mean for a call (openai-realtime 6)."""

from __future__ import annotations

from typing import Literal

from bot.realtime.events import Problem

Severity = Literal["harmless", "turn", "fatal"]

EXPIRED = "session_expired"
"""The end of this session, but not of the call."""
FATAL = frozenset(
    {
        EXPIRED,
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
NO_TRANSCRIBER = frozenset({"DeploymentNotFound", "model_not_found", "invalid_model"})
"""Codes after which no turn is ever transcribed: Azure wants the model deployed by its name (openai-realtime W7)."""
OTHERS = frozenset(
    {
        *NO_TRANSCRIBER,
        "audio_unintelligible",
        *("invalid_value", "unknown_parameter", "missing_required_parameter", "invalid_json", "invalid_event"),
        *("integer_below_min_value", "string_above_max_length", "cannot_update_voice"),
        *("server_error", "invalid_request_error", "inference_rate_limit_exceeded", "rate_limit_exceeded"),
    }
)
"""Codes that are neither fatal nor harmless by themselves, and the types that come without a code."""
IN_THE_WAY = "conversation_already_has_active_response"
HARMLESS = frozenset(
    {
        "response_cancel_not_active",
        IN_THE_WAY,
        "input_audio_buffer_commit_empty",
        "item_truncate_invalid_item_id",
        "item_delete_invalid_item_id",
        "item_retrieve_invalid_item_id",
    }
)
NO_CODE = "none"
OTHER_CODE = "other"
CODES = FATAL | HARMLESS | OTHERS
LABELS = (*sorted(CODES), NO_CODE, OTHER_CODE)
"""All that `label` gives."""


def label(problem: Problem) -> str:
    """The code to count it under, the type where there is no code: a server's words never make a name of ours."""
    name = problem.code or problem.type
    if not name:
        return NO_CODE
    return name if name in CODES else OTHER_CODE


def ends_the_call(problem: Problem, *, ready: bool) -> bool:
    """True when an error ends the call, by whether its session is ready.

    Before it is, a refused session.update leaves a session that is not ours: it is known by our event id, or by the
    field of the session that it names. A refused handshake closes by itself.
    """
    if ready:
        return problem.code in FATAL
    about_ours = problem.event_id is not None or (problem.param or "").partition(".")[0] == "session"
    return about_ours or problem.code == "insufficient_quota"


def severity(problem: Problem) -> Severity:
    """The cost of an error by itself. A refused truncate never mutes or ends a call; a few codes end the session."""
    if problem.code in FATAL:
        return "fatal"
    if problem.code in HARMLESS or "already shorter than" in (problem.message or ""):
        return "harmless"
    if problem.type == "invalid_request_error":
        return "harmless"
    return "turn"
