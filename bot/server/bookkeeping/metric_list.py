"""Metrics: the families of `/metrics`, and where each of a call's numbers is found.

No label holds anything of a caller, a number or a call. A call's numbers are plain integers that grow while it lives.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Literal, NamedTuple, get_args

from bot.call.facts import Wait
from bot.call.outputs import EndReason
from bot.call.states import State
from bot.observe.metrics import Family
from bot.realtime.errors import LABELS, Severity
from bot.realtime.failures import FailureKind
from bot.realtime.usage import Tokens
from bot.server.calls.bridge import Bridge
from bot.server.lookup.call_lookup import RESULTS
from bot.server.outbound.not_placed import STATUSES

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
    "lookup",
]
StreamRefusal = Literal[
    "signature", "malformed", "forged", "expired", "spent", "is_over", "not_websocket", "no_start", "start"
]
PHONE_KINDS = (
    *("not_json", "unknown_event", "bad_shape", "bad_base64", "binary"),
    *("before_start", "duplicate_start", "foreign_stream"),
)
MODEL_KINDS = ("not_json", "bad_shape", "bad_base64")
WAYS = {"phone>bot": "from_phone", "bot>phone": "to_phone", "model>bot": "from_model", "bot>model": "to_model"}
"""Labels of messages, and their names in `CallTraffic`."""

BILLED = {"response": "model", "transcription": "transcription", "result": "result"}
"""The label of each kind of usage."""
OUTCOMES_AFTERWARDS = ("delivered", "retried", "failed")
"""Outcomes of what is done after a call."""
ANSWERS = ("human", "machine", "screening", "uncertain", "no_answer", "busy", "failed")
"""Outcomes of calls that the bot made."""
STATES = tuple(state.value for state in State)

_CALL_S = (5, 15, 60, 300, 900, 1800, 3600, 7200)
_WAIT_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8)
_HEARD_S = (0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8)
_CLEAR_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_LOOKUP_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
_LAG_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)


def _counter(name: str, about: str, /, **label: tuple[str, ...]) -> Family:
    """A counter; with a label, one of each of its values."""
    return Family(name, "counter", about, *_named(label))


def _gauge(name: str, about: str, /, *, common: bool = False, **label: tuple[str, ...]) -> Family:
    return Family(name, "gauge", about, *_named(label), common=common)


def _histogram(name: str, about: str, buckets: tuple[float, ...], /, **label: tuple[str, ...]) -> Family:
    return Family(name, "histogram", about, *_named(label), buckets)


def _named(label: dict[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
    return next(iter(label.items()), ("", ()))


FAMILIES = (
    _gauge("heardline_calls_live", "Calls from their webhook until both sockets are closed."),
    _gauge("heardline_calls", "The same calls by who has the floor.", state=STATES),
    _counter("heardline_calls_crashed_total", "Calls of processes that died, as others found them."),
    _gauge("heardline_calls_limit", "BOT_MAX_CALLS: calls at a time, over all processes.", common=True),
    _histogram(
        "heardline_call_seconds",
        "Calls that have ended, by reason and length from the webhook on.",
        _CALL_S,
        reason=get_args(EndReason),
    ),
    _counter(
        "heardline_webhooks_refused_total",
        "Webhooks that were not answered with a stream.",
        why=get_args(WebhookRefusal),
    ),
    _counter("heardline_lookups_total", "Questions to BOT_LOOKUP_URL, by what came of them.", result=RESULTS),
    _histogram("heardline_lookup_seconds", "From such a question to its answer, or to its end without one.", _LOOKUP_S),
    _counter("heardline_dials_total", "Calls that the bot made and that are over, by who answered.", answer=ANSWERS),
    _counter(
        "heardline_dials_refused_total",
        "Requests for a call that were not carried out.",
        why=tuple(STATUSES),
    ),
    _counter(
        "heardline_streams_refused_total",
        "Streams that were not let in, or that never became a call's.",
        why=get_args(StreamRefusal),
    ),
    _counter(
        "heardline_connections_handed_over_total",
        "Streams that came to one process and were given to, and taken by, the one that had dialled their session.",
        side=("given", "taken"),
    ),
    _counter("heardline_messages_total", "WebSocket messages of calls, by way.", way=tuple(WAYS)),
    _counter("heardline_message_bytes_total", "Length of these messages' text, by way.", way=tuple(WAYS)),
    _counter(
        "heardline_phone_messages_refused_total",
        "Messages of the phone's side that were not understood or not in place.",
        kind=PHONE_KINDS,
    ),
    _counter(
        "heardline_model_messages_refused_total",
        "Messages of the model's side that were not understood.",
        kind=MODEL_KINDS,
    ),
    _counter("heardline_interruptions_total", "Times a caller, or an operator who took over, interrupted the bot."),
    _counter("heardline_interruptions_refused_total", "Times a caller spoke over the bot and was not let in."),
    _counter("heardline_calls_taken_over_total", "Times an operator took a call over from the bot."),
    _counter("heardline_operator_frames_dropped_total", "Frames of operators that came too fast to be played."),
    _counter("heardline_late_deltas_total", "Audio of an interrupted reply that came after the interruption."),
    _counter(
        "heardline_marks_unused_total",
        "Marks that told nothing: back too early to be true, back after a clear, or missing at the end of playing.",
        why=("early", "dead", "missing"),
    ),
    _counter("heardline_filled_bytes_total", "Silence sent to the model where the line sent no audio."),
    _counter("heardline_backlog_bytes_total", "Audio of callers kept until the session was ready."),
    _counter(
        "heardline_dropped_bytes_total",
        "Audio thrown away because too much of it was waiting, by whose voice it was.",
        voice=("caller", "bot"),
    ),
    _counter("heardline_phone_full_total", "Times the line to a phone was too slow for the bot's audio."),
    _counter("heardline_timestamps_disbelieved_total", "Timestamps of the phone's side that jumped out of reason."),
    _counter(
        "heardline_model_errors_total", "Error events of sessions, by what they cost.", severity=get_args(Severity)
    ),
    _counter(
        "heardline_upstream_errors_total",
        "What sessions said was wrong, failed replies and transcriptions included, by code.",
        code=LABELS,
    ),
    _counter("heardline_sessions_dialled_total", "Sessions dialled, by what for.", purpose=("call", "pool")),
    _counter(
        "heardline_sessions_failed_total",
        "Sessions that could not be opened or were lost.",
        failure=get_args(FailureKind),
    ),
    _counter("heardline_sessions_replaced_total", "Sessions that took over a call from one before."),
    _counter("heardline_sessions_taken_total", "Calls that took a warm session and dialled none."),
    _counter("heardline_sessions_missed_total", "Sessions closed because the stream came to another process."),
    _gauge("heardline_warm_sessions", "Sessions that are ready for the next calls."),
    _histogram("heardline_session_ready_seconds", "From the webhook until the session was configured.", _WAIT_S),
    _histogram("heardline_call_begun_seconds", "From the webhook until stream and session were both there.", _WAIT_S),
    _histogram(
        "heardline_wait_seconds",
        "What callers waited for: the greeting, from the webhook; the first byte of an answer sent and heard, from "
        "the end of their speech.",
        _HEARD_S,
        what=tuple(wait for wait in get_args(Wait) if wait != "clear"),
    ),
    _histogram(
        "heardline_clear_seconds",
        "From the session hearing an interruption to `clear` at the phone's socket.",
        _CLEAR_S,
    ),
    _histogram("heardline_loop_lag_seconds", "How late the event loop ran a timer, once a second.", _LAG_S),
    _counter("heardline_recordings_failed_total", "Recordings that were given up; their calls went on."),
    _counter(
        "heardline_tokens_total",
        "Tokens that responses, transcriptions and results used; cached input is counted apart.",
        kind=Tokens.__struct_fields__,
    ),
    _counter(
        "heardline_usd_total",
        "What responses (model), transcriptions and results cost, in US dollars, by the price table.",
        kind=tuple(BILLED.values()),
    ),
    _counter(
        "heardline_operator_webhooks_total",
        "Attempts to deliver a webhook to BOT_WEBHOOK_URL, by what came of them; failed: given up.",
        outcome=OUTCOMES_AFTERWARDS,
    ),
    _gauge(
        "heardline_outbox_webhooks",
        "Webhooks in the outbox of the call store; failed: given up, until they are sent again.",
        common=True,
        state=("waiting", "failed"),
    ),
    _counter(
        "heardline_results_total",
        "Requests for the results of calls (BOT_RESULT_SCHEMA), by what came of them; failed: given up.",
        outcome=OUTCOMES_AFTERWARDS,
    ),
    _gauge("heardline_daily_spent_usd", "Spent since midnight UTC by all instances on one call store.", common=True),
    _gauge("heardline_daily_limit_usd", "BOT_MAX_DAILY_USD; 0: no limit.", common=True),
    _counter(
        "heardline_http_malformed_total",
        "Requests that could not be read: of scanners, mostly, or TLS where none is spoken.",
    ),
    _gauge("heardline_store_away", "Processes whose call store does not answer."),
    _gauge("heardline_store_rows_waiting", "Changes of records that are not stored yet."),
    _counter("heardline_store_rows_lost_total", "Changes of records that never will be stored."),
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
    *(Column("heardline_messages_total", way, attrgetter(f"traffic.{name}")) for way, name in WAYS.items()),
    *(Column("heardline_message_bytes_total", way, attrgetter(f"traffic.{name}_bytes")) for way, name in WAYS.items()),
    Column("heardline_phone_messages_refused_total", "before_start", _counted("before_start")),
    Column("heardline_phone_messages_refused_total", "duplicate_start", _counted("duplicate_start")),
    Column("heardline_phone_messages_refused_total", "foreign_stream", _counted("foreign_stream")),
    Column("heardline_interruptions_total", "", _counted("interruptions")),
    Column("heardline_interruptions_refused_total", "", _counted("interruptions_refused")),
    Column("heardline_calls_taken_over_total", "", _counted("taken_over")),
    Column("heardline_operator_frames_dropped_total", "", _counted("operator_frames_dropped")),
    Column("heardline_late_deltas_total", "", _counted("late_deltas")),
    Column("heardline_marks_unused_total", "early", lambda bridge: bridge.call.playout.ledger.early_echoes),
    Column("heardline_marks_unused_total", "dead", lambda bridge: bridge.call.playout.ledger.dead_echoes),
    Column("heardline_marks_unused_total", "missing", lambda bridge: bridge.call.playout.ledger.unconfirmed_ends),
    Column("heardline_filled_bytes_total", "", lambda bridge: bridge.call.uplink.filled_bytes),
    Column("heardline_backlog_bytes_total", "", lambda bridge: bridge.call.uplink.backlog_bytes),
    Column("heardline_dropped_bytes_total", "caller", lambda bridge: bridge.call.uplink.dropped_bytes),
    Column("heardline_dropped_bytes_total", "bot", lambda bridge: bridge.call.playout.dropped_bytes),
    Column("heardline_phone_full_total", "", _counted("phone_full")),
    Column("heardline_sessions_failed_total", "timeout", _counted("sessions_given_up")),
    Column("heardline_sessions_replaced_total", "", _counted("sessions_replaced")),
    Column("heardline_timestamps_disbelieved_total", "", lambda bridge: bridge.call.uplink.distrusted_timestamps),
    *(Column("heardline_model_errors_total", one, _counted(f"model_error_{one}")) for one in get_args(Severity)),
)
