"""Failures of sessions, from what the wire says (openai-realtime 1.2 and 1.3)."""

from __future__ import annotations

import pytest

from bot.realtime.failures import Failure, failure_of_close, failure_of_status


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "refused"), (401, "bad_key"), (403, "bad_key"), (404, "unknown_model"), (429, "rate_limited"),
        (500, "unreachable"), (503, "unreachable"), (302, "refused"), (200, "refused"),
    ],
)  # fmt: skip
def test_a_status_instead_of_an_upgrade(status: int, kind: str) -> None:
    assert failure_of_status(status) == Failure(kind, status, f"HTTP {status} on the upgrade")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (3000, "invalid_request_error.invalid_api_key", "bad_key"),
        (3000, "invalid_request_error", "bad_key"),
        (4000, "invalid_request_error.invalid_model", "unknown_model"),
        (4000, "invalid_request_error.missing_model", "unknown_model"),
        (4000, "invalid_request_error.beta_api_shape_disabled", "refused"),
        (4004, "invalid_request_error.model_not_found", "unknown_model"),
        (4004, "", "unknown_model"),
        (1008, "insufficient_quota", "no_credit"),
        (1001, "Your session hit the maximum duration of 60 minutes.", "expired"),
        (1001, "going away", "closed"),
        (1006, "", "closed"),
        (1011, "", "closed"),
    ],
)
def test_a_close(code: int, reason: str, kind: str) -> None:
    assert failure_of_close(code, reason) == Failure(kind, code, reason)  # type: ignore[arg-type]
