"""Calls whose process died: found by its silence, ended in its place."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.rows import CRASHED
from bot.store.sql.statements import USED
from bot.store.sql.tables import calls, events, processes, turns, usages


def _of_call(value: sa.ColumnElement[Any], table: sa.Table, *which: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.select(value).where(table.c.call_sid == calls.c.sid, *which).scalar_subquery()


_CUT_SHORT = (turns.c.who == "bot") & turns.c.cut
_SIGNS = (
    sa.select(
        calls.c.sid,
        calls.c.owner,
        calls.c.started_at,
        processes.c.seen_at,
        _of_call(sa.func.max(usages.c.at), usages).label("used_at"),
        _of_call(sa.func.max(turns.c.ended_us), turns).label("turn_us"),
        _of_call(sa.func.max(events.c.us), events).label("event_us"),
        _of_call(sa.func.count(), turns).label("turns"),
        _of_call(sa.func.count(), turns, _CUT_SHORT).label("interruptions"),
    )
    .select_from(calls.outerjoin(processes, processes.c.owner == calls.c.owner))
    .where(calls.c.ended_at.is_(None))
    .order_by(calls.c.sid)
    .with_for_update(of=calls)
)
_LINE = sa.bindparam("new_line", type_=sa.BigInteger)
_END = (
    sa.update(calls)
    .where(calls.c.sid == sa.bindparam("of_sid"))
    .values(
        ended_at=sa.bindparam("new_ended_at", type_=calls.c.ended_at.type),
        reason=CRASHED,
        seconds=sa.bindparam("new_seconds"),
        line_nano_usd=_LINE,
        nano_usd=USED + _LINE,
        turns=sa.bindparam("new_turns"),
        interruptions=sa.bindparam("new_interruptions"),
    )
)


async def end_crashed(
    connection: AsyncConnection, older_than: datetime, dead: Collection[str], line_minute: int
) -> list[str]:
    """End every call that nobody serves any more, as of its last sign of life. Returns their SIDs.

    Its line has cost `line_minute` for each minute begun, if its stream had come.
    """
    silent = sa.or_(processes.c.seen_at.is_(None), processes.c.seen_at < older_than, calls.c.owner.in_(sorted(dead)))
    ended = []
    for row in (await connection.execute(_SIGNS.where(silent))).mappings():
        last = _last_sign(row)
        if row["owner"] in dead or last < older_than:
            ended.append(_ending(row, last, line_minute))
    if ended:
        await connection.execute(_END, ended)
    return [str(one["of_sid"]) for one in ended]


def _last_sign(row: sa.RowMapping) -> datetime:
    """The latest moment at which the call was surely going on."""
    start: datetime = row["started_at"]
    from_origin = [start + timedelta(microseconds=row[name]) for name in ("turn_us", "event_us") if row[name]]
    told = [row[name] for name in ("seen_at", "used_at") if row[name] is not None]
    latest: datetime = max([start, *from_origin, *told])
    return latest


def _ending(row: sa.RowMapping, last: datetime, line_minute: int) -> dict[str, Any]:
    seconds = (last - row["started_at"]).total_seconds()
    streamed = any(row[name] is not None for name in ("turn_us", "event_us", "used_at"))  # all wait for the stream
    return {
        "of_sid": row["sid"],
        "new_ended_at": last,
        "new_seconds": seconds,
        "new_line": line_minute * (int(seconds // 60) + 1) if streamed else 0,
        "new_turns": row["turns"],
        "new_interruptions": row["interruptions"],
    }
