"""Failures of a Realtime session (bot.realtime.failures.FailureKind): how each shows, what it means, and the mend."""

from __future__ import annotations

from typing import NamedTuple


class SessionFailure(NamedTuple):
    """`shown_by`: the error codes, close codes and HTTP statuses that it is known by."""

    kind: str
    shown_by: str
    meaning: str
    mend: str


SESSION_FAILURES = (
    SessionFailure(
        "bad_key",
        "`invalid_api_key`, close 3000, HTTP 401 or 403",
        "The key is wrong, revoked, or of another project.",
        "Make a new one; set `OPENAI_API_KEY`.",
    ),
    SessionFailure(
        "unknown_model",
        "`invalid_model`, `missing_model`, close 4000; `model_not_found`, close 4004; HTTP 404",
        "There is no such model, it was retired, or the project may not use it.",
        "Set `OPENAI_REALTIME_MODEL`; allow it in the project.",
    ),
    SessionFailure(
        "no_credit",
        "`insufficient_quota`, `billing_hard_limit_reached`, `account_deactivated`",
        "The money is used up, or the account is closed.",
        "Billing on platform.openai.com. Trying again does not help.",
    ),
    SessionFailure(
        "rate_limited",
        "HTTP 429; `inference_rate_limit_exceeded` in `response_failed`",
        "Too much at a time for the organisation's tier.",
        "Fewer calls at a time, or a higher tier.",
    ),
    SessionFailure(
        "refused",
        "close 4000, other HTTP 4xx; `beta_api_shape_disabled`",
        "The session was refused; `reason` gives OpenAI's words.",
        "A setting of the session, or a gateway of yours that still speaks the beta.",
    ),
    SessionFailure(
        "unreachable",
        "HTTP 5xx, no connection",
        "OpenAI or the network is down.",
        "status.openai.com; is port 443 open outwards?",
    ),
    SessionFailure(
        "timeout",
        "none",
        (
            "The first session did not open within `BOT_RESPONSE_SECONDS`, or another within 4 s; or a session gave "
            "no sign of life for 3 s, or owed an answer, more of one, the end of a cancelled response or of speech, "
            "and said nothing at all."
        ),
        "As above; for the first session, or a longer time.",
    ),
    SessionFailure(
        "protocol",
        "none",
        "What answered is no Realtime session.",
        "`OPENAI_REALTIME_URL`.",
    ),
    SessionFailure(
        "expired",
        "`session_expired`, close 1001",
        "The session's hour was over before another could take its place.",
        "Nothing: another took it then.",
    ),
    SessionFailure(
        "closed",
        "close 1001, 1006, 1011",
        "The session was lost in the middle of a call.",
        "Nothing on your side; another takes its place.",
    ),
)
