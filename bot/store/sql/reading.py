"""Questions to the tables."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, TypeVar, get_args

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.call.facts import TurnFact, UsageFact
from bot.store.results import CallSummary, Filters, OpenOwner, OutboxState, SoFar, StoredCall
from bot.store.rows import EventKept, FileKept, UsageKept
from bot.store.sql.outbox_entries import entries, result_of
from bot.store.sql.tables import calls, events, files, processes, turns, usages
from bot.store.urls import StoreError

Made = TypeVar("Made")

SLICE = 200
"""Rows fetched at a time beside live calls."""
REST_S = 0.005
"""Seconds between two slices, in which the calls run."""


def _counted(stored: sa.Column[int], *which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """A call's count of turns: as it told at its end, until then by what is stored."""
    so_far = sa.select(sa.func.count()).select_from(turns).where(turns.c.call_sid == calls.c.sid, *which)
    return sa.case((calls.c.ended_at.is_(None), so_far.scalar_subquery()), else_=stored).label(stored.name)


_CUT_SHORT = (turns.c.who == "bot") & turns.c.cut
_SUMMARY = sa.select(
    *(column for column in calls.c if column.name not in {"turns", "interruptions", "changes"}),
    _counted(calls.c.turns),
    _counted(calls.c.interruptions, _CUT_SHORT),
)


_ENDS_OF = sa.select(calls.c.sid, calls.c.reason).where(
    calls.c.sid.in_(sa.bindparam("sids", expanding=True)), calls.c.ended_at.is_not(None)
)


async def list_calls(connection: AsyncConnection, filters: Filters) -> list[CallSummary]:
    """Calls, the newest first."""
    query = _SUMMARY.order_by(calls.c.started_at.desc(), calls.c.sid.desc()).limit(filters.limit)
    for condition in _conditions(filters):
        query = query.where(condition)
    return [CallSummary(**row) for row in (await connection.execute(query)).mappings()]


def _conditions(filters: Filters) -> Iterable[sa.ColumnElement[bool]]:
    if filters.since is not None:
        yield calls.c.started_at >= filters.since
    if filters.until is not None:
        yield calls.c.started_at < filters.until
    if filters.caller_hash is not None:
        yield calls.c.caller_hash == filters.caller_hash
    if filters.reason is not None:
        yield calls.c.reason == filters.reason
    if filters.profile is not None:
        yield calls.c.profile == filters.profile
    if filters.min_nano_usd is not None:
        yield calls.c.nano_usd >= filters.min_nano_usd
    if filters.words is not None:
        said = sa.select(turns.c.call_sid).where(
            sa.or_(*(column.icontains(filters.words, autoescape=True) for column in (turns.c.text, turns.c.unheard)))
        )
        yield calls.c.sid.in_(said)
    if filters.before is not None:
        last = calls.alias("last")
        here = sa.tuple_(calls.c.started_at, calls.c.sid)
        there = sa.select(last.c.started_at, last.c.sid).where(last.c.sid == filters.before)
        yield here < there.scalar_subquery()


async def find_call(connection: AsyncConnection, sid: str) -> StoredCall | None:
    """The call `sid`, or the one whose SID begins so. Raises StoreError when several do."""
    found = await _full_sid(connection, sid)
    if found is None:
        return None
    row = (await connection.execute(_SUMMARY.where(calls.c.sid == found))).mappings().one()
    return StoredCall(
        summary=CallSummary(**row),
        turns=await conversation(connection, found),
        usages=[_usage(one) for one in await _children(connection, usages, found, usages.c.number)],
        events=[EventKept(**one) for one in await _children(connection, events, found, events.c.number)],
        files=[FileKept(**one) for one in await _children(connection, files, found, files.c.at, files.c.path)],
        outbox=await entries(connection, get_args(OutboxState), found),
        result=await result_of(connection, found),
    )


async def story_of(connection: AsyncConnection, sid: str) -> StoredCall | None:
    """The call `sid` without its usages, files and outbox, read in slices: live calls wait for no more than one."""
    row = (await connection.execute(_SUMMARY.where(calls.c.sid == sid))).mappings().one_or_none()
    if row is None:
        return None
    return StoredCall(
        summary=CallSummary(**row),
        turns=await conversation(connection, sid),
        usages=[],
        events=await _in_slices(connection, events, sid, lambda row: EventKept(**row)),
        files=[],
        result=await result_of(connection, sid),
    )


async def _in_slices(
    connection: AsyncConnection, table: sa.Table, sid: str, made_of: Callable[[dict[str, Any]], Made]
) -> list[Made]:
    """Rows of a call by their numbers. Fetching thousands at once holds the interpreter for a tenth of a second."""
    found: list[Made] = []
    after = -1
    while True:
        of_it = (table.c.call_sid == sid) & (table.c.number > after)
        query = sa.select(table).where(of_it).order_by(table.c.number).limit(SLICE)
        rows = [dict(row) for row in (await connection.execute(query)).mappings()]
        found += map(made_of, rows)
        if len(rows) < SLICE:
            return found
        after = rows[-1]["number"]
        await asyncio.sleep(REST_S)


async def _full_sid(connection: AsyncConnection, sid: str) -> str | None:
    whole = (await connection.execute(sa.select(calls.c.sid).where(calls.c.sid == sid))).scalar_one_or_none()
    if whole is not None or not sid:
        return whole
    # Not LIKE, which in SQLite takes capital letters for small ones.
    begins = sa.func.substr(calls.c.sid, 1, len(sid)) == sid
    query = sa.select(calls.c.sid).where(begins).order_by(calls.c.sid).limit(2)
    found = list((await connection.execute(query)).scalars())
    if len(found) > 1:
        raise StoreError(f"Several calls begin with {sid}, such as {' and '.join(found)}; give more of the SID.")
    return found[0] if found else None


async def so_far(connection: AsyncConnection, sid: str) -> SoFar | None:
    """The call `sid`, its turns in spoken order and its own texts."""
    row = (await connection.execute(_SUMMARY.where(calls.c.sid == sid))).mappings().one_or_none()
    if row is None:
        return None
    changes = (await connection.execute(sa.select(calls.c.changes).where(calls.c.sid == sid))).scalar_one_or_none()
    told = await named_events(connection, sid, _CARRIED)
    turns_so_far = await conversation(connection, sid)
    tries = Counter(str(details.get("tool")) for event, details in told if event == "secret_asked")
    return SoFar(
        CallSummary(**row), turns_so_far, changes or {}, _used_tools(told), dict(tries), _left_for_digits(told)
    )


_CARRIED = ("tool_called", "tool_done", "secret_asked", "digits_sent", "stream_back")
"""Events that tell what has to be known of a call by whoever carries it on."""


def _used_tools(told: Iterable[tuple[str, dict[str, Any]]]) -> tuple[str, ...]:
    """Names of the tools that were begun, but for those that did nothing, since they were asked wrongly."""
    used = set[str]()
    for event, details in told:
        if event == "tool_called" and "server" not in details:
            used.add(str(details.get("tool")))
        elif details.get("ran") is False:
            used.discard(str(details.get("tool")))
    return tuple(sorted(used))


def _left_for_digits(told: Iterable[tuple[str, dict[str, Any]]]) -> bool:
    moves = [event for event, _ in told if event in {"digits_sent", "stream_back"}]
    return moves[-1:] == ["digits_sent"]


async def ends_of(connection: AsyncConnection, sids: Collection[str]) -> dict[str, str]:
    """Reasons why the calls `sids` ended. Those that go on, or are not known, are left out."""
    found = await connection.execute(_ENDS_OF, {"sids": list(sids)})
    return {row.sid: row.reason for row in found}


async def ends_since(connection: AsyncConnection, at: datetime) -> list[tuple[str, str, datetime]]:
    """The calls that have ended since `at`, how and when, in the order of their ends."""
    found = sa.select(calls.c.sid, calls.c.reason, calls.c.ended_at).where(calls.c.ended_at >= at)
    return [(sid, reason, ended) for sid, reason, ended in await connection.execute(found.order_by(calls.c.ended_at))]


async def conversation(connection: AsyncConnection, sid: str) -> list[TurnFact]:
    """The turns of the call `sid` in spoken order, read in slices."""
    return in_spoken_order(await _in_slices(connection, turns, sid, lambda row: TurnFact(**_without_sid(row))))


async def named_events(
    connection: AsyncConnection, sid: str, names: Collection[str]
) -> list[tuple[str, dict[str, Any]]]:
    """Names and details of the events of the call `sid` that are called so, in the order of their numbers."""
    of_it = (events.c.call_sid == sid) & events.c.name.in_(names)
    found = sa.select(events.c.name, events.c.details).where(of_it).order_by(events.c.number)
    return [(name, dict(details)) for name, details in await connection.execute(found)]


def in_spoken_order(found: Iterable[TurnFact]) -> list[TurnFact]:
    """`found`, which come by number, as they were spoken. One whose time is not known follows the one before it."""
    latest = 0
    placed = []
    for turn in found:
        began = latest if turn.began_us is None else turn.began_us
        latest = began
        placed.append((began, turn.number, turn))
    return [turn for _, _, turn in sorted(placed, key=lambda place: place[:2])]


async def spent_since(connection: AsyncConnection, at: datetime) -> int:
    """Billionths of a dollar used since `at`: by sessions and transcriptions when used, by lines when calls ended."""
    used = sa.select(sa.func.coalesce(sa.func.sum(usages.c.nano_usd), 0)).where(usages.c.at >= at)
    lines = sa.select(sa.func.coalesce(sa.func.sum(calls.c.line_nano_usd), 0)).where(calls.c.ended_at >= at)
    both = sa.select(used.scalar_subquery() + lines.scalar_subquery())
    return int((await connection.execute(both)).scalar_one())


async def open_owners(connection: AsyncConnection) -> list[OpenOwner]:
    """Every process that owns a call which has not ended."""
    query = (
        sa.select(calls.c.owner, sa.func.coalesce(processes.c.instance, ""), processes.c.seen_at)
        .select_from(calls.outerjoin(processes, processes.c.owner == calls.c.owner))
        .where(calls.c.ended_at.is_(None))
        .distinct()
        .order_by(calls.c.owner)
    )
    return [OpenOwner(*row) for row in await connection.execute(query)]


async def _children(
    connection: AsyncConnection, table: sa.Table, sid: str, *order: sa.ColumnElement[Any]
) -> list[dict[str, Any]]:
    query = sa.select(table).where(table.c.call_sid == sid).order_by(*order)
    return [dict(row) for row in (await connection.execute(query)).mappings()]


def _without_sid(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "call_sid"}


def _usage(row: dict[str, Any]) -> UsageKept:
    fact = {name: value for name, value in row.items() if name not in {"call_sid", "at"}}
    return UsageKept(row["call_sid"], row["at"], UsageFact(**fact))
