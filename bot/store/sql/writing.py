"""Writing of rows to the tables: batched upserts, each of which may be done twice.

Nothing here awaits: a thread that may wait for SQLite does it all in one go, and Postgres's driver is run beneath it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Executable

from bot.store.rows import (
    CallAnswered,
    CallEnded,
    CallStarted,
    CallTransferred,
    EventKept,
    FileKept,
    OwnerSeen,
    Row,
    TurnKept,
    UsageKept,
)
from bot.store.sql import row_params, statements
from bot.store.sql.announcing import announce
from bot.store.sql.row_params import Params, in_order

BATCH = 1000
_R = TypeVar("_R")


def apply_rows(
    connection: Connection, rows: Sequence[Row], now: datetime, announced: Collection[str] = ()
) -> list[FileKept]:
    """Write `rows` in the running transaction. Later ones go over earlier ones. `announced`: what enters the outbox.

    A row for a call that is not known makes it known, as having started at `now` at the latest. Rows of a forgotten
    call are dropped; its files are returned, to be erased.
    """
    stray: list[FileKept] = []
    for first in range(0, len(rows), BATCH):
        stray += _apply_batch(connection, rows[first : first + BATCH], now, announced)
    return stray


def _apply_batch(
    connection: Connection, rows: Sequence[Row], now: datetime, announced: Collection[str]
) -> list[FileKept]:
    upsert = statements.upserts(connection.dialect.name)
    _write(connection, upsert.owner, in_order(_of(OwnerSeen, rows), row_params.owner, "owner", "seen_at"))
    seen = _first_seen(rows, now)
    if not seen:
        return []
    known = [{"sid": sid, "started_at": at} for sid, at in sorted(seen.items())]
    _write(connection, upsert.known, known)
    locked = (connection.execute(statements.LOCK, {"sids": list(seen)})).all()
    sums, waits = {sid: tokens for sid, tokens, _ in locked}, {sid: waits for sid, _, waits in locked}
    gone = _forgotten(connection, list(seen))
    kept = [row for row in rows if not isinstance(row, OwnerSeen) and row.call_sid not in gone]
    _write(connection, upsert.started, in_order(_of(CallStarted, kept), row_params.start, "sid", "started_at", "leg"))
    _write(connection, upsert.turn, in_order(_of(TurnKept, kept), row_params.turn, "call_sid", "number"))
    _usages(connection, upsert.usage, _of(UsageKept, kept), sums)
    _write(connection, upsert.event, in_order(_of(EventKept, kept), row_params.event, "call_sid", "number"))
    _write(connection, upsert.file, in_order(_of(FileKept, kept), row_params.file, "path"))
    ends = _with_earlier_waits(_of(CallEnded, kept), waits)
    _write(connection, statements.END, in_order(ends, row_params.end, "of_sid"))
    for answer in map(row_params.answered, _of(CallAnswered, kept)):  # in the order in which it was found out
        connection.execute(statements.ANSWERED, answer)
    put_through = in_order(_of(CallTransferred, kept), row_params.transferred, "of_sid")
    _write(connection, statements.TRANSFERRED, put_through)
    announce(connection, kept, announced, now)
    return [row for row in _of(FileKept, rows) if row.call_sid in gone]


def _with_earlier_waits(rows: Iterable[CallEnded], waits: Mapping[str, Mapping[str, float]]) -> list[CallEnded]:
    """The end of a later stream takes away nothing that an earlier one told, such as the wait for the greeting.

    `waits` are those stored so far, by call.
    """
    known = dict(waits)
    whole = []
    for row in rows:
        told = {**known[row.call_sid], **row.waits} if row.leg else row.waits
        known[row.call_sid] = told
        whole.append(msgspec.structs.replace(row, waits=dict(told)))
    return whole


def _of(kind: type[_R], rows: Iterable[object]) -> list[_R]:
    return [row for row in rows if isinstance(row, kind)]


def _write(connection: Connection, statement: Executable, rows: list[Params]) -> None:
    if rows:
        connection.execute(statement, rows)


def _first_seen(rows: Sequence[Row], now: datetime) -> dict[str, datetime]:
    """The latest time at which each call can have started, by its rows."""
    seen: dict[str, datetime] = {}
    for row in rows:
        if isinstance(row, OwnerSeen):
            continue
        at = now
        if isinstance(row, CallEnded):
            at = row.at - timedelta(seconds=row.seconds)
        elif isinstance(row, CallStarted | UsageKept | FileKept):
            at = row.at
        seen[row.call_sid] = min(at, seen.get(row.call_sid, at))
    return seen


def _forgotten(connection: Connection, sids: list[str]) -> set[str]:
    """The forgotten calls among `sids`; the rows just made for them are taken away again."""
    gone = set((connection.execute(statements.FORGOTTEN, {"sids": sids})).scalars())
    if gone:
        connection.execute(statements.UNMAKE, {"sids": list(gone)})
    return gone


def _usages(
    connection: Connection, upsert: Executable, rows: Sequence[UsageKept], tokens: Mapping[str, Mapping[str, int]]
) -> None:
    """Write usages, and add what they change to the sums of their calls. `tokens`: the calls' sums so far."""
    if not rows:
        return
    latest = {(row.call_sid, row.usage.number): row for row in rows}
    replaced = (connection.execute(statements.REPLACED, {"keys": list(latest)})).all()
    _write(connection, upsert, in_order(latest.values(), row_params.usage, "call_sid", "number"))

    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    money: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in latest.values():
        counted[row.call_sid].update(row.usage.tokens)
        money[row.call_sid][row.usage.kind] += row.usage.nano_usd
    for sid, kind, nano_usd, before in replaced:
        counted[sid].subtract(before)
        money[sid][kind] -= nano_usd
    changes: list[Params] = [
        {
            "of_sid": sid,
            "new_tokens": _summed(tokens[sid], counted[sid]),
            "of_model": money[sid]["response"],
            "of_transcription": money[sid]["transcription"],
            "of_result": money[sid]["result"],
        }
        for sid in sorted(counted)
    ]
    _write(connection, statements.ADD_TO_SUMS, changes)


def _summed(before: Mapping[str, int], change: Counter[str]) -> dict[str, int]:
    total = Counter(before)
    total.update(change)
    return {row_params.plain_text(kind): count for kind, count in sorted(total.items()) if count}
