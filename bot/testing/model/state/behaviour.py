"""Behaviour of a simulated Realtime session: its delays, its script, and its faults on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from bot.testing.agent import Pacing, RemoteTools

Refusal = Literal[
    "invalid_api_key",
    "missing_bearer",
    "invalid_model",
    "missing_model",
    "beta_api_shape_disabled",
    "model_not_found",
]
REFUSALS: dict[str, tuple[int, str | None, str]] = {
    "invalid_api_key": (3000, "invalid_api_key", "Incorrect API key provided."),
    "missing_bearer": (3000, None, "Missing bearer or basic authentication in header"),
    "invalid_model": (4000, "invalid_model", "The model does not exist."),
    "missing_model": (4000, "missing_model", "You must provide a model parameter."),
    "beta_api_shape_disabled": (4000, "beta_api_shape_disabled", "The Realtime Beta API is no longer supported."),
    "model_not_found": (4004, "model_not_found", "The model does not exist or you do not have access to it."),
}
"""Handshake failures after the 101 (openai-realtime 1.3): close code, error code, message."""

Billed = Literal["tokens", "duration"]
"""Unit in which the usage of a transcription is told (openai-realtime 7)."""

ABNORMAL = 1006
"""Close code that here means a connection dropped without a closing handshake."""


class SpeechAt(msgspec.Struct, frozen=True):
    """The caller speaks from `start_us` to `stop_us` by the model's clock, without any audio being looked at.

    speech_started leaves at `start_us`; speech_stopped one silence_duration_ms after `stop_us`, unless they went on.
    """

    start_us: int
    stop_us: int


class SendAt(msgspec.Struct, frozen=True):
    """`text` leaves as it is at `us`: garbage, an unknown event, an error."""

    us: int
    text: str


class CloseAt(msgspec.Struct, frozen=True):
    """The server closes at `us`; code 1006 drops the connection."""

    us: int
    code: int = 1011
    reason: str = ""


class Behaviour(msgspec.Struct, frozen=True):
    """The knobs of a session; the defaults are a good day.

    `created_after_ms`, `updated_after_ms`: delays of session.created and session.updated, None for never.
    `refusal`: the handshake fails in-band. `forced_format`: the format object `forced_sides` get whatever is asked.
    `caller_words`: transcripts of the caller's turns in order, sent `transcription_after_ms` after the commit when the
    session has transcription on; None in it is a failed one, beyond it none is sent. `transcription_from_ms`: the words
    come one by one from so long after speech_started on (openai-realtime W5), None: all at the end.
    `transcription_usage`: what each says it used. `deployments`: the transcription models that exist, None for any.
    `mcp_tools`: what each remote server lists, by its label, `mcp_list_ms` after it was asked; one not there fails.
    `remote`: real servers are asked instead, and called. `mcp_calls_when_approved`: a call is made as soon as it is
    approved, and not by the next response (not known of the real one: openai-realtime W10).
    `cancel_after_ms`: how long an interrupted response still goes on. `late_deltas`: that many audio deltas of a cut
    response follow its response.done, `late_delta_ms` apart. `refuse_truncate`: an error message for every truncate.
    `calls_outlive_speech`: when the caller's speech cuts a response, a function call that it is in the middle of is
    finished all the same; otherwise it is left incomplete. `refuse_outputs`: so many outputs of calls are refused.
    `hangs_us`: from then on it does nothing and says nothing, while its socket lives on and answers pings.
    """

    created_after_ms: int | None = 3
    updated_after_ms: int | None = 0
    refusal: Refusal | None = None
    session_s: int = 3600
    pacing: Pacing = Pacing()
    forced_format: dict[str, Any] | None = None
    forced_sides: tuple[Literal["input", "output"], ...] = ("input", "output")
    caller_words: Sequence[str | None] = ()
    transcription_after_ms: int = 1400
    transcription_from_ms: int | None = None
    transcription_usage: Billed = "tokens"
    deployments: Sequence[str] | None = None
    mcp_tools: Mapping[str, Sequence[dict[str, Any]]] = {}
    mcp_list_ms: int = 200
    remote: RemoteTools | None = None
    mcp_calls_when_approved: bool = False
    rate_limits_after_ms: int = 40
    cancel_after_ms: int = 0
    late_deltas: int = 0
    late_delta_ms: int = 20
    refuse_truncate: str = ""
    calls_outlive_speech: bool = False
    refuse_outputs: int = 0
    hangs_us: int | None = None
    sends: Sequence[SendAt] = ()
    closes: CloseAt | None = None
