"""Statements that write to the database. Each is made once: making one takes longer than executing it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from bot.store.rows import CRASHED
from bot.store.sql.tables import calls, events, files, forgotten, processes, turns, usages

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    _Insert = postgresql.Insert | sqlite.Insert


class Upserts(NamedTuple):
    """One statement for each kind of row; their parameters are named as the table's columns.

    `known` makes a call known that is not. What is known of a turn is not lost to an older row of it that comes late.
    A call may start again: told twice, or carried on after a crash or on another stream, which makes it go on.
    """

    known: _Insert
    owner: _Insert
    started: _Insert
    turn: _Insert
    usage: _Insert
    event: _Insert
    file: _Insert


@cache
def upserts(dialect: str) -> Upserts:
    """The statements in SQLite's or Postgres's spelling."""
    insert = insert_of(dialect)
    return Upserts(
        known=insert(calls).on_conflict_do_nothing(),
        owner=_owner(insert(processes)),
        started=_started(insert(calls)),
        turn=_turn(insert(turns)),
        usage=_replace(insert(usages), usages, "call_sid", "number"),
        event=_replace(insert(events), events, "call_sid", "number"),
        file=_replace(insert(files), files, "path"),
    )


def insert_of(dialect: str) -> Callable[[sa.Table], _Insert]:
    """Imported as needed: either takes a while, and `bot calls` shall answer at once."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415

        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415

    return postgresql.insert


def _replace(insert: _Insert, table: sa.Table, *keys: str) -> _Insert:
    changed = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=changed)


def _owner(insert: _Insert) -> _Insert:
    new, old = insert.excluded, processes.c
    later = sa.case((new.seen_at > old.seen_at, new.seen_at), else_=old.seen_at)
    return insert.on_conflict_do_update(index_elements=["owner"], set_={"instance": new.instance, "seen_at": later})


def _started(insert: _Insert) -> _Insert:
    new, old = insert.excluded, calls.c
    first = (old.owner == "") | (new.started_at < old.started_at)  # without an owner, the start is a guess of ours
    later = new.leg > old.leg
    goes_on = later | ((old.reason == CRASHED) & (old.owner != new.owner) & (new.leg == old.leg))
    changed: dict[str, Any] = {
        "started_at": sa.case((first, new.started_at), else_=old.started_at),
        "ended_at": sa.case((goes_on, sa.null()), else_=old.ended_at),
        "reason": sa.case((goes_on, ""), else_=old.reason),
        "owner": sa.case((new.leg >= old.leg, new.owner), else_=old.owner),
        "leg": sa.case((later, new.leg), else_=old.leg),
    }
    for name in ("caller", "called", "caller_hash", "model", "settings_digest", "profile", "direction"):
        changed[name] = sa.case((new[name] != "", new[name]), else_=old[name])
    changed["changes"] = sa.case((new.leg >= old.leg, new.changes), else_=old.changes)
    return insert.on_conflict_do_update(index_elements=["sid"], set_=changed)


def _turn(insert: _Insert) -> _Insert:
    new = insert.excluded
    changed: dict[str, Any] = {name: new[name] for name in ("who", "item_id", "unheard", "cut")}
    changed |= {name: sa.func.coalesce(new[name], turns.c[name]) for name in ("text", "began_us", "ended_us")}
    return insert.on_conflict_do_update(index_elements=["call_sid", "number"], set_=changed)


_SIDS: sa.BindParameter[Any] = sa.bindparam("sids", expanding=True)
_OF_CALL = calls.c.sid == sa.bindparam("of_sid")
_MODEL = sa.bindparam("of_model", type_=sa.BigInteger)
_RESULT = sa.bindparam("of_result", type_=sa.BigInteger)
_TRANSCRIPTION = sa.bindparam("of_transcription", type_=sa.BigInteger)
_LINE = sa.bindparam("new_line_nano_usd", type_=sa.BigInteger)

LOCK = (
    sa.select(calls.c.sid, calls.c.tokens, calls.c.waits)
    .where(calls.c.sid.in_(_SIDS))
    .order_by(calls.c.sid)
    .with_for_update()
)
"""The calls `sids`, each with its sum of tokens and its waits, locked in an order that is everybody's."""

FORGOTTEN = sa.select(forgotten.c.call_sid).where(forgotten.c.call_sid.in_(_SIDS))
"""Select those of the calls `sids` that are forgotten."""

UNMAKE = sa.delete(calls).where(calls.c.sid.in_(_SIDS), calls.c.caller_hash == "")
"""Takes away what `known` has made; a forgotten call that keeps its row for a file has a hash."""

REPLACED = sa.select(usages.c.call_sid, usages.c.kind, usages.c.nano_usd, usages.c.tokens).where(
    sa.tuple_(usages.c.call_sid, usages.c.number).in_(sa.bindparam("keys", expanding=True))
)
"""The stored part of the usages `keys`, pairs of a call and a number."""

ADD_TO_SUMS = (
    sa.update(calls)
    .where(_OF_CALL)
    .values(
        tokens=sa.bindparam("new_tokens", type_=calls.c.tokens.type),
        model_nano_usd=calls.c.model_nano_usd + _MODEL,
        transcription_nano_usd=calls.c.transcription_nano_usd + _TRANSCRIPTION,
        result_nano_usd=calls.c.result_nano_usd + _RESULT,
        nano_usd=calls.c.nano_usd + _MODEL + _TRANSCRIPTION + _RESULT,
    )
)

TRANSFERRED = sa.update(calls).where(_OF_CALL, calls.c.ended_at.is_not(None)).values(reason=sa.bindparam("new_reason"))

USED = calls.c.model_nano_usd + calls.c.transcription_nano_usd + calls.c.result_nano_usd
"""The cost of a call but for its line's."""
ANSWERED = (
    sa.update(calls)
    .where(_OF_CALL, (calls.c.answered_by == "") | sa.not_(sa.bindparam("new_first", type_=sa.Boolean)))
    .values(answered_by=sa.bindparam("new_by", type_=sa.Text))
)

_TOLD = ("ended_at", "reason", "seconds", "turns", "interruptions", "lost", "waits", "line_nano_usd")
END = (
    sa.update(calls)
    .where(_OF_CALL, calls.c.leg <= sa.bindparam("new_leg"))
    .values(
        {name: sa.bindparam(f"new_{name}", type_=calls.c[name].type) for name in _TOLD} | {"nano_usd": USED + _LINE}
    )
)
