"""Errors of the server, and what each means for a call (openai-realtime 6)."""

from __future__ import annotations

import pytest

from bot.realtime.errors import FATAL, HARMLESS, severity
from bot.realtime.events import Problem

INVALID = "invalid_request_error"


@pytest.mark.parametrize(
    ("kind", "code", "message", "expected"),
    [
        (INVALID, "session_expired", "Your session hit the maximum duration of 60 minutes.", "fatal"),
        (INVALID, "invalid_api_key", "Incorrect API key", "fatal"),
        (INVALID, "model_not_found", "", "fatal"),
        ("insufficient_quota", "insufficient_quota", "", "fatal"),
        (INVALID, "response_cancel_not_active", "Cancellation failed: no active response found", "harmless"),
        (INVALID, "conversation_already_has_active_response", "resp_1", "harmless"),
        (INVALID, "item_truncate_invalid_item_id", "", "harmless"),
        (INVALID, "item_delete_invalid_item_id", "", "harmless"),
        (INVALID, "input_audio_buffer_commit_empty", "", "harmless"),
        (INVALID, None, "Audio content of 3700ms is already shorter than 3760ms", "harmless"),
        (None, None, "Audio content of 3700ms is already shorter than 3760ms", "harmless"),
        (INVALID, "unknown_parameter", "Unknown parameter: 'session.x'.", "harmless"),
        (INVALID, None, None, "harmless"),
        ("server_error", None, "The server had an error while processing your request", "turn"),
        ("server_error", "server_error", "", "turn"),
        ("something_new", "something_new", None, "turn"),
        (None, None, None, "turn"),
    ],
)
def test_each_error_has_its_weight(kind: str | None, code: str | None, message: str | None, expected: str) -> None:
    assert severity(Problem(kind, code, message)) == expected


def test_no_code_is_both() -> None:
    assert not FATAL & HARMLESS
