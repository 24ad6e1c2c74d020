"""A store with a handful of calls of every sort, as the server would have left it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from bot.call.facts import TurnFact, UsageFact
from bot.recording.files.new_file import FileKind
from bot.store.call_store import CallStore
from bot.store.pii import caller_hash, key_beside
from bot.store.results import CallResult, Retention, StoredCall
from bot.store.rows import LATER, CallEnded, CallStarted, CallTransferred, EventKept, FileKept, Row, TurnKept, UsageKept
from bot.store.sql.announcing import ASK
from bot.store.sql.schema import migrate
from bot.store.urls import StoreUrl, sqlite_url

T = TypeVar("T")

BEGAN = datetime(2026, 1, 20, 14, 3, 12, tzinfo=UTC)
CALLER = "+15555550142"
OTHER = "+15555550177"
MASKED = "+*********42"
CUT, LATE, CRASHED, BARE, LIVE = (f"CA{n}{'0' * 31}" for n in range(1, 6))
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert('y')> \x1b[31m \u202eevil"
MODEL = "gpt-realtime-2.1"
SAID = "Hello and welcome, how can I help"
SUMMARY = f"They asked where their order is. {HOSTILE}"
FIELDS = {"order": "the one of Friday", "angry": False}
UNHEARD = "you with the order you made on Friday?"


def rows(record_dir: Path) -> list[Row]:
    """The calls as rows; the database and its key lie in `record_dir`."""
    key = key_beside(record_dir / "calls.sqlite")
    return [
        *_cut(caller_hash(CALLER, key)),
        *_late(caller_hash(CALLER, key)),
        *_crashed(caller_hash(OTHER, key)),
        CallStarted(BARE, BEGAN + timedelta(days=2), "host/1"),
        CallEnded(BARE, BEGAN + timedelta(days=2, seconds=1), "refused", 1.0),
        CallStarted(LIVE, BEGAN + timedelta(days=3), "host/1", "+*********77", caller_hash(OTHER, key)),
    ]


def _cut(hashed: str) -> list[Row]:
    """Interrupted in the greeting, and with a warning.

    100 * 4,000 + 200 * 32,000 + 40 * 400 + 90 * 64,000 billionths are $0.012576 for the model; four seconds at $0.0045
    a minute are $0.0003, and the line's minute is $0.0085.
    """
    tokens = {"text_in": 100, "audio_in": 200, "audio_cached": 40, "audio_out": 90}
    at = BEGAN + timedelta(seconds=5)
    return [
        CallStarted(CUT, BEGAN, "host/1", MASKED, hashed, "+*********00", MODEL, "3fa94c0d71aa5520"),
        TurnKept(CUT, TurnFact(1, "bot", "item_1", SAID, UNHEARD, cut=True, began_us=900_000, ended_us=2_100_000)),
        TurnKept(CUT, TurnFact(2, "caller", "item_2", "Where is my order?", began_us=1_950_000, ended_us=3_000_000)),
        TurnKept(CUT, TurnFact(3, "bot", "item_3", "It is on its way.", began_us=3_600_000, ended_us=5_100_000)),
        UsageKept(CUT, at, UsageFact(1, "response", "resp_1", MODEL, "cancelled", tokens, 0.0, 12_576_000)),
        UsageKept(CUT, at, UsageFact(2, "transcription", "item_2", "gpt-transcribe", "", {}, 4.0, 300_000)),
        EventKept(CUT, 1, 2_100_000, "interrupted", "info", {"heard_ms": 1200}),
        EventKept(CUT, 2, 4_000_000, "model_error", "warning", {"code": "rate_limited"}),
        CallEnded(
            CUT,
            BEGAN + timedelta(seconds=6),
            "caller_hung_up",
            6.0,
            turns=3,
            interruptions=1,
            lost=2,
            waits={"greeting_heard": 900.0, "byte_heard_p50": 610.4, "byte_heard_p95": 702.0, "clear_p50": 1.2},
            line_nano_usd=8_500_000,
        ),
    ]


def _late(hashed: str) -> list[Row]:
    """Hostile words, which came after the answer to them; one turn that nobody wrote down."""
    at = BEGAN + timedelta(days=1)
    return [
        CallStarted(LATE, at, "host/1", MASKED, hashed, model=MODEL),
        TurnKept(LATE, TurnFact(1, "caller", "item_1", None, began_us=1_000_000, ended_us=2_000_000)),
        TurnKept(LATE, TurnFact(2, "bot", "item_2", "I see.", began_us=2_500_000, ended_us=3_000_000)),
        TurnKept(LATE, TurnFact(1, "caller", "item_1", HOSTILE, began_us=1_000_000, ended_us=2_000_000)),
        TurnKept(LATE, TurnFact(3, "caller", "item_3", None, began_us=3_500_000, ended_us=4_000_000)),
        CallEnded(LATE, at + timedelta(seconds=90), "bot_hung_up", 90.0, turns=3),
    ]


def _crashed(hashed: str) -> list[Row]:
    at = BEGAN + timedelta(days=1, hours=1)
    return [
        CallStarted(CRASHED, at, "host/1", "+*********77", hashed, model=MODEL, profile="clinic"),
        TurnKept(CRASHED, TurnFact(1, "bot", "item_1", "Hello?", began_us=700_000, ended_us=1_100_000)),
        CallEnded(CRASHED, at + timedelta(hours=1, seconds=5), "crashed", 3605.0, turns=1),
    ]


def kept(record_dir: Path, sid: str, name: str, kind: FileKind, *, after_s: float = 0.0) -> FileKept:
    """A file of a call, registered `after_s` after its beginning."""
    began = next(row.at for row in rows(record_dir) if isinstance(row, CallStarted) and row.call_sid == sid)
    return FileKept(sid, str(record_dir / name), kind, began + timedelta(seconds=after_s))


def fill(record_dir: Path, *more: Row, only: Sequence[Row] | None = None) -> None:
    """Make the store in `record_dir` and write the calls into it, or `only` these, and `more`."""
    asyncio.run(migrate(_where(record_dir)))
    _with_store(record_dir, lambda store: store.apply([*(rows(record_dir) if only is None else only), *more]))


def give_result(record_dir: Path, sid: str) -> None:
    """Let a model have made something of a call."""

    async def give(store: CallStore) -> None:
        await store.apply([CallEnded(sid, BEGAN + timedelta(seconds=6), "caller_hung_up", 6.0, turns=3)])
        (asked,) = (one for one in await store.outbox("waiting", call_sid=sid) if one.kind == ASK)
        result = CallResult(at=BEGAN, model="gpt-5.6-luna", summary=SUMMARY, disposition="follow_up", fields=FIELDS)
        tokens = {"text_in": 900, "text_out": 80}
        used = UsageFact(LATER + 1, "result", "resp_text_1", "gpt-5.6-luna", "completed", tokens, 0.0, 276_000)
        await store.keep_result(asked, result, UsageKept(sid, BEGAN, used))

    _with_store(record_dir, give, announced=frozenset({ASK}))


def give_up(record_dir: Path, sid: str, why: str) -> None:
    """Let a webhook of a call have been given up."""

    async def fail(store: CallStore) -> None:
        await store.apply([CallTransferred(sid)])
        for item in await store.claim_due(timedelta(minutes=1), 10):
            await store.settle(item, "failed", why)

    _with_store(record_dir, fail, announced=frozenset({"call.transferred"}))


def stored(record_dir: Path, sid: str) -> StoredCall:
    """All of one call, as the store gives it back."""
    found = _with_store(record_dir, lambda store: store.call(sid))
    assert found is not None
    return found


def purge_words(record_dir: Path) -> None:
    """Throw away what was said, and keep the files."""
    keep = Retention(transcripts_days=1)
    _with_store(record_dir, lambda store: store.purge(BEGAN + timedelta(days=90), keep))


def _where(record_dir: Path) -> StoreUrl:
    return sqlite_url(record_dir / "calls.sqlite", record_dir)


def _with_store(
    record_dir: Path, use: Callable[[CallStore], Awaitable[T]], *, announced: frozenset[str] = frozenset()
) -> T:
    async def run() -> T:
        store = CallStore(_where(record_dir), announced=announced)
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(run())
