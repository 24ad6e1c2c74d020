"""What is measured: the families of `/metrics`, and where each of a call's numbers is found.

No label holds anything of a caller, a number or a call. A call's numbers are plain integers that grow while it lives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

from bot.call.facts import Wait
from bot.call.outputs import EndReason
from bot.call.states import State
from bot.observe.metrics import Family
from bot.realtime.errors import LABELS, Severity
from bot.realtime.failures import FailureKind
from bot.realtime.usage import Tokens
from bot.server.bridge import Bridge

WebhookRefusal = Literal[
    "signature",
    "account",
    "form",
    "too_long",
    "late",
    "full",
    "overloaded",
    "draining",
    "spend_limit",
    "caller_denied",
    "caller_at_once",
    "caller_rate",
    "being_answered",
    "is_over",
]
StreamRefusal = Literal[
    "signature", "malformed", "forged", "expired", "spent", "is_over", "not_websocket", "no_start", "start"
]
PHONE_KINDS = (
    *("not_json", "unknown_event", "bad_shape", "bad_base64", "binary"),
    *("before_start", "duplicate_start", "foreign_stream"),
)
MODEL_KINDS = ("not_json", "bad_shape", "bad_base64")
WAYS = ("phone>bot", "bot>phone", "model>bot", "bot>model")

BILLED = {"response": "model", "transcription": "transcription"}
"""The label of each kind of usage."""
STATES = tuple(state.value for state in State)

_CALL_S = (5, 15, 60, 300, 900, 1800, 3600, 7200)
_WAIT_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8)
_HEARD_S = (0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8)
_CLEAR_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_LAG_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)

FAMILIES = (
    Family("heardline_calls_live", "gauge", "Calls from their webhook until both sockets are closed."),
    Family("heardline_calls", "gauge", "The same calls by who has the floor.", "state", STATES),
    Family("heardline_calls_crashed_total", "counter", "Calls of processes that died, as others found them."),
    Family("heardline_calls_limit", "gauge", "BOT_MAX_CALLS: calls at a time, over all processes.", common=True),
    Family(
        "heardline_call_seconds",
        "histogram",
        "Calls that have ended, by reason and length from the webhook on.",
        "reason",
        get_args(EndReason),
        _CALL_S,
    ),
    Family(
        "heardline_webhooks_refused_total",
        "counter",
        "Webhooks that were not answered with a stream.",
        "why",
        get_args(WebhookRefusal),
    ),
    Family(
        "heardline_streams_refused_total",
        "counter",
        "Streams that were not let in, or that never became a call's.",
        "why",
        get_args(StreamRefusal),
    ),
    Family(
        "heardline_connections_handed_over_total",
        "counter",
        "Streams that came to one process and were given to, and taken by, the one that had dialled their session.",
        "side",
        ("given", "taken"),
    ),
    Family("heardline_messages_total", "counter", "WebSocket messages of calls, by way.", "way", WAYS),
    Family("heardline_message_bytes_total", "counter", "Length of these messages' text, by way.", "way", WAYS),
    Family(
        "heardline_phone_messages_refused_total",
        "counter",
        "Messages of the phone's side that were not understood or not in place.",
        "kind",
        PHONE_KINDS,
    ),
    Family(
        "heardline_model_messages_refused_total",
        "counter",
        "Messages of the model's side that were not understood.",
        "kind",
        MODEL_KINDS,
    ),
    Family("heardline_interruptions_total", "counter", "Times a caller interrupted the bot."),
    Family(
        "heardline_interruptions_refused_total",
        "counter",
        "Times a caller spoke over the bot and was not let in.",
    ),
    Family("heardline_late_deltas_total", "counter", "Audio of an interrupted reply that came after the interruption."),
    Family(
        "heardline_marks_unused_total",
        "counter",
        "Marks that told nothing: back too early to be true, back after a clear, or missing at the end of playing.",
        "why",
        ("early", "dead", "missing"),
    ),
    Family("heardline_filled_bytes_total", "counter", "Silence sent to the model where the line sent no audio."),
    Family("heardline_backlog_bytes_total", "counter", "Audio of callers kept until the session was ready."),
    Family(
        "heardline_dropped_bytes_total",
        "counter",
        "Audio thrown away because too much of it was waiting, by whose voice it was.",
        "voice",
        ("caller", "bot"),
    ),
    Family("heardline_phone_full_total", "counter", "Times the line to a phone was too slow for the bot's audio."),
    Family(
        "heardline_timestamps_disbelieved_total", "counter", "Timestamps of the phone's side that jumped out of reason."
    ),
    Family(
        "heardline_model_errors_total",
        "counter",
        "Error events of sessions, by what they cost.",
        "severity",
        get_args(Severity),
    ),
    Family(
        "heardline_upstream_errors_total",
        "counter",
        "What sessions said was wrong, failed replies and transcriptions included, by code.",
        "code",
        LABELS,
    ),
    Family(
        "heardline_sessions_dialled_total", "counter", "Sessions dialled, by what for.", "purpose", ("call", "pool")
    ),
    Family(
        "heardline_sessions_failed_total",
        "counter",
        "Sessions that could not be opened or were lost.",
        "failure",
        get_args(FailureKind),
    ),
    Family("heardline_sessions_replaced_total", "counter", "Sessions that took over a call from one before."),
    Family("heardline_sessions_taken_total", "counter", "Calls that took a warm session and dialled none."),
    Family("heardline_sessions_missed_total", "counter", "Sessions closed because the stream came to another process."),
    Family("heardline_warm_sessions", "gauge", "Sessions that are ready for the next calls."),
    Family(
        "heardline_session_ready_seconds",
        "histogram",
        "From the webhook until the session was configured.",
        buckets=_WAIT_S,
    ),
    Family(
        "heardline_call_begun_seconds",
        "histogram",
        "From the webhook until stream and session were both there.",
        buckets=_WAIT_S,
    ),
    Family(
        "heardline_wait_seconds",
        "histogram",
        "What callers waited for: the greeting, from the webhook; the first byte of an answer sent and heard, from "
        "the end of their speech.",
        "what",
        tuple(wait for wait in get_args(Wait) if wait != "clear"),
        _HEARD_S,
    ),
    Family(
        "heardline_clear_seconds",
        "histogram",
        "From the session hearing an interruption to `clear` at the phone's socket.",
        buckets=_CLEAR_S,
    ),
    Family(
        "heardline_loop_lag_seconds", "histogram", "How late the event loop ran a timer, once a second.", buckets=_LAG_S
    ),
    Family("heardline_recordings_failed_total", "counter", "Recordings that were given up; their calls went on."),
    Family(
        "heardline_tokens_total",
        "counter",
        "Tokens that responses and transcriptions used; cached input is counted apart.",
        "kind",
        Tokens.__struct_fields__,
    ),
    Family(
        "heardline_usd_total",
        "counter",
        "What responses (model) and transcriptions cost, in US dollars, by the price table.",
        "kind",
        tuple(BILLED.values()),
    ),
    Family(
        "heardline_daily_spent_usd",
        "gauge",
        "Spent since midnight UTC by all instances on one call store.",
        common=True,
    ),
    Family("heardline_daily_limit_usd", "gauge", "BOT_MAX_DAILY_USD; 0: no limit.", common=True),
    Family(
        "heardline_http_malformed_total",
        "counter",
        "Requests that could not be read: of scanners, mostly, or TLS where none is spoken.",
    ),
    Family("heardline_store_away", "gauge", "Processes whose call store does not answer."),
    Family("heardline_store_rows_waiting", "gauge", "Changes of records that are not stored yet."),
    Family("heardline_store_rows_lost_total", "counter", "Changes of records that never will be stored."),
)

MILESTONES = {"session_ready": "heardline_session_ready_seconds", "begun": "heardline_call_begun_seconds"}
"""Reports of a call whose time counts, and the histogram each goes to."""


class Column(NamedTuple):
    """One number of a call: the counter it adds to, the value of the counter's label, and how to read it."""

    name: str
    value: str
    read: Callable[[Bridge], int]


def _counted(what: str) -> Callable[[Bridge], int]:
    return lambda bridge: bridge.call.counts.get(what, 0)


COLUMNS = (
    Column("heardline_messages_total", "phone>bot", lambda bridge: bridge.traffic.from_phone),
    Column("heardline_messages_total", "bot>phone", lambda bridge: bridge.traffic.to_phone),
    Column("heardline_messages_total", "model>bot", lambda bridge: bridge.traffic.from_model),
    Column("heardline_messages_total", "bot>model", lambda bridge: bridge.traffic.to_model),
    Column("heardline_message_bytes_total", "phone>bot", lambda bridge: bridge.traffic.from_phone_bytes),
    Column("heardline_message_bytes_total", "bot>phone", lambda bridge: bridge.traffic.to_phone_bytes),
    Column("heardline_message_bytes_total", "model>bot", lambda bridge: bridge.traffic.from_model_bytes),
    Column("heardline_message_bytes_total", "bot>model", lambda bridge: bridge.traffic.to_model_bytes),
    Column("heardline_phone_messages_refused_total", "before_start", _counted("before_start")),
    Column("heardline_phone_messages_refused_total", "duplicate_start", _counted("duplicate_start")),
    Column("heardline_phone_messages_refused_total", "foreign_stream", _counted("foreign_stream")),
    Column("heardline_interruptions_total", "", _counted("interruptions")),
    Column("heardline_interruptions_refused_total", "", _counted("interruptions_refused")),
    Column("heardline_late_deltas_total", "", _counted("late_deltas")),
    Column("heardline_marks_unused_total", "early", lambda bridge: bridge.call.speaking.ledger.early_echoes),
    Column("heardline_marks_unused_total", "dead", lambda bridge: bridge.call.speaking.ledger.dead_echoes),
    Column("heardline_marks_unused_total", "missing", lambda bridge: bridge.call.speaking.ledger.unconfirmed_ends),
    Column("heardline_filled_bytes_total", "", lambda bridge: bridge.call.listening.filled_bytes),
    Column("heardline_backlog_bytes_total", "", lambda bridge: bridge.call.listening.backlog_bytes),
    Column("heardline_dropped_bytes_total", "caller", lambda bridge: bridge.call.listening.dropped_bytes),
    Column("heardline_dropped_bytes_total", "bot", lambda bridge: bridge.call.speaking.dropped_bytes),
    Column("heardline_phone_full_total", "", _counted("phone_full")),
    Column("heardline_sessions_failed_total", "timeout", _counted("sessions_given_up")),
    Column("heardline_sessions_replaced_total", "", _counted("sessions_replaced")),
    Column("heardline_timestamps_disbelieved_total", "", lambda bridge: bridge.call.listening.distrusted_timestamps),
    *(Column("heardline_model_errors_total", one, _counted(f"model_error_{one}")) for one in get_args(Severity)),
)


def read(bridge: Bridge) -> list[int]:
    """The numbers of a call as they stand, in the order of COLUMNS."""
    return [column.read(bridge) for column in COLUMNS]
