"""Failures to open or keep a session, from HTTP statuses and close codes (openai-realtime 1.2, 1.3)."""

from __future__ import annotations

from typing import Literal, NamedTuple

FailureKind = Literal[
    "bad_key",
    "unknown_model",
    "no_credit",
    "refused",
    "rate_limited",
    "unreachable",
    "timeout",
    "protocol",
    "closed",
    "expired",
]


class Failure(NamedTuple):
    """`code` is the HTTP status or the close code, 0 where there was neither."""

    kind: FailureKind
    code: int
    reason: str


_STATUS: dict[int, FailureKind] = {401: "bad_key", 403: "bad_key", 404: "unknown_model", 429: "rate_limited"}
_REASONS: tuple[tuple[str, FailureKind], ...] = (
    ("invalid_api_key", "bad_key"),
    ("invalid_model", "unknown_model"),
    ("missing_model", "unknown_model"),
    ("model_not_found", "unknown_model"),
    ("insufficient_quota", "no_credit"),
    ("maximum duration", "expired"),
    ("session_expired", "expired"),
)
_CLOSES: dict[int, FailureKind] = {3000: "bad_key", 4000: "refused", 4004: "unknown_model"}


def failure_of_status(status: int) -> Failure:
    """The upgrade was answered with this HTTP status instead of 101."""
    kind = _STATUS.get(status, "unreachable" if status >= 500 else "refused")
    return Failure(kind, status, f"HTTP {status} on the upgrade")


def failure_of_close(code: int, reason: str) -> Failure:
    """The socket was closed with this code; the reason text tells more where there is one."""
    for text, kind in _REASONS:
        if text in reason:
            return Failure(kind, code, reason)
    return Failure(_CLOSES.get(code, "closed"), code, reason)
