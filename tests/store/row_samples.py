"""Rows to store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.call.facts import TurnFact, UsageFact
from bot.store.rows import CallEnded, CallStarted, EventKept, FileKept, OwnerSeen, Row, TurnKept, UsageKept

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
HASH = "a1" * 32
OTHER_HASH = "b2" * 32
ONE, TWO, THREE = (f"CA{number:032d}" for number in (1, 2, 3))


def started(sid: str = ONE, at: datetime = NOW, owner: str = "web-1", caller_hash: str = HASH) -> CallStarted:
    return CallStarted(sid, at, owner, "+*********42", caller_hash, "+*********99", "gpt-realtime-2.1", "d1g357")


def ended(sid: str = ONE, at: datetime = NOW + 60 * SECOND, reason: str = "caller_hung_up", line: int = 0) -> CallEnded:
    waits = {"greeting_heard": 612.5, "byte_heard_p50": 720.0}
    return CallEnded(sid, at, reason, 60.0, turns=2, interruptions=1, lost=3, waits=waits, line_nano_usd=line)


def said(
    text: str | None,
    number: int = 1,
    *,
    sid: str = ONE,
    who: str = "caller",
    unheard: str = "",
    cut: bool = False,
    began: int | None = 0,
) -> TurnKept:
    ended_us = None if began is None else began + 900_000
    turn = TurnFact(number, who, f"item_{number}", text, unheard, cut, began, ended_us)  # type: ignore[arg-type]
    return TurnKept(sid, turn)


def used(
    nano_usd: int,
    number: int = 1,
    *,
    sid: str = ONE,
    kind: str = "response",
    at: datetime = NOW,
    tokens: dict[str, int] | None = None,
) -> UsageKept:
    counted = {"output_audio": 20} if tokens is None else tokens
    fact = UsageFact(number, kind, f"ref_{number}", "m", "completed", counted, 0.0, nano_usd)  # type: ignore[arg-type]
    return UsageKept(sid, at, fact)


def event(number: int = 1, *, sid: str = ONE, us: int = 5_000_000) -> EventKept:
    return EventKept(sid, number, us, "model_error", "warning", {"code": "x", "deep": [1, {"a": None}]})


def kept(path: str, *, sid: str = ONE, kind: str = "fixture", at: datetime = NOW) -> FileKept:
    return FileKept(sid, path, kind, at)  # type: ignore[arg-type]


def seen(owner: str = "web-1", at: datetime = NOW) -> OwnerSeen:
    return OwnerSeen(owner, "machine-1", at)


def whole_call(sid: str = ONE) -> list[Row]:
    """Everything there is about one call, in the order it comes."""
    return [
        seen(),
        started(sid),
        said("Hello, how can I help?", 1, sid=sid, who="bot", began=500_000),
        used(1_500_000, 1, sid=sid, tokens={"input_text": 100, "output_audio": 40}),
        said("When are you open?", 2, sid=sid, began=4_000_000),
        used(30_000, 2, sid=sid, kind="transcription", tokens={"input_audio": 10}),
        said("We open at", 3, sid=sid, who="bot", unheard=" nine.", cut=True, began=6_000_000),
        used(2_000_000, 3, sid=sid, tokens={"input_text": 150, "output_audio": 25}),
        event(1, sid=sid),
        kept(f"/recordings/{sid}.call.jsonl", sid=sid),
        ended(sid, line=8_500_000),
    ]
