"""Entries of the outbox, which the rows of calls give rise to, made in the transaction that stores the rows.

So none is lost with a process, none is told of what was not stored, and rows that come again make none anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.store.results import OutboxItem
from bot.store.rows import CRASHED, CallAnswered, CallEnded, CallStarted, CallTransferred, EventKept, Row
from bot.store.sql.row_params import Params
from bot.store.sql.statements import insert_of
from bot.store.sql.tables import calls, outbox

ASK = "result"
"""Kind of what is asked of a model; every other is a webhook's type."""
RESULT = "call.result"
DIALLED = "call.dialled"
"""Told once of a call that the bot made, when it is known who answered or that nobody did, and of each rung person."""
EVENTS = {"dialled": DIALLED}
"""Events of a call's record that are told by themselves, and the type of webhook each is."""
WEBHOOKS = frozenset({"call.started", "call.ended", "call.transferred", RESULT, *EVENTS.values()})
_OF_THE_END = ("call.ended", ASK)
_CARRIED_ON_WITHIN = {CRASHED: 45, "line_lost": 45, "drained": 45, "caller_hung_up": 10, "transferred": 180}
"""Seconds in which such an end may turn out to be none: Twilio says that the caller is still there, or nobody took them
who was rung."""


def announce(connection: sa.Connection, rows: Sequence[Row], kinds: Collection[str], now: datetime) -> None:
    """Enter what `rows`, which were just stored, give to tell of these `kinds`."""
    if not kinds:
        return
    told = [_entry(kind, sid, at, now, number=number) for kind, sid, at, number in _told(rows, now)]
    ends = {row.call_sid for row in rows if isinstance(row, CallStarted | CallEnded)}
    _enter(connection, [one for one in told if one["kind"] in kinds])
    announce_ends(connection, ends, kinds, now)


def announce_ends(connection: sa.Connection, sids: Collection[str], kinds: Collection[str], now: datetime) -> None:
    """Enter the ends of those of the calls `sids` that are over, and take back what waits of those that go on."""
    if not sids:
        return
    found = sa.select(calls.c.sid, calls.c.leg, calls.c.reason, calls.c.ended_at).where(calls.c.sid.in_(sorted(sids)))
    entries, going_on = [], []
    for sid, leg, reason, ended_at in connection.execute(found.order_by(calls.c.sid)):
        if ended_at is None:
            going_on.append(sid)
            continue
        due_at = now + timedelta(seconds=_CARRIED_ON_WITHIN.get(reason, 0))
        entries += [_entry(kind, sid, ended_at, now, leg=leg, due_at=due_at) for kind in _OF_THE_END if kind in kinds]
    _enter(connection, entries)
    if going_on:
        waits = (outbox.c.state == "waiting") & outbox.c.kind.in_(_OF_THE_END)
        connection.execute(sa.delete(outbox).where(outbox.c.call_sid.in_(going_on), waits))


def announce_result(connection: sa.Connection, asked: OutboxItem, kinds: Collection[str], now: datetime) -> None:
    """Enter that a call has the result that was asked for."""
    if RESULT in kinds:
        _enter(connection, [_entry(f"{RESULT} of {asked.id}", asked.call_sid, now, now) | {"kind": RESULT}])


def _told(rows: Iterable[Row], now: datetime) -> Iterator[tuple[str, str, datetime, int | None]]:
    for row in rows:
        if isinstance(row, CallStarted) and not row.leg:
            yield "call.started", row.call_sid, row.at, None
        elif isinstance(row, CallTransferred) and row.reason == "transferred":
            yield "call.transferred", row.call_sid, now, None
        elif isinstance(row, CallAnswered):
            yield DIALLED, row.call_sid, now, None
        elif isinstance(row, EventKept) and row.name in EVENTS:
            yield EVENTS[row.name], row.call_sid, now, row.number


def _entry(
    kind: str,
    sid: str,
    at: datetime,
    now: datetime,
    *,
    leg: int = 0,
    number: int | None = None,
    due_at: datetime | None = None,
) -> Params:
    """The same thing has the same id, whoever stores it and how often. It tells nothing of the call."""
    name = f"{kind} {sid} {leg} {number}"
    return {
        "id": f"evt_{hashlib.sha256(name.encode()).hexdigest()[:32]}",
        "call_sid": sid,
        "kind": kind,
        "number": number,
        "at": at,
        "created_at": now,
        "due_at": due_at or now,
        "state": "waiting",
    }


def _enter(connection: sa.Connection, entries: Sequence[dict[str, Any]]) -> None:
    if entries:
        insert = insert_of(connection.dialect.name)(outbox).on_conflict_do_nothing()
        connection.execute(insert, sorted(entries, key=lambda entry: str(entry["id"])))
