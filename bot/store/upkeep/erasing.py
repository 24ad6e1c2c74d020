"""Erasing: by age, or because a caller asks to be forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.results import Forgotten, Purged, Retention
from bot.store.rows import FileKept
from bot.store.sql.outbox_entries import forget_delivered
from bot.store.sql.tables import call_results, calls, events, files, forgotten, outbox, processes, turns, usages
from bot.store.sql.token_claims import forget_old
from bot.store.upkeep.files_on_disk import ErasedFiles, erase, is_below, of_calls

TOMBSTONE = timedelta(days=7)
"""Time for which a forgotten call's SID is kept, so that no late row or file of it stays, on any instance."""
WORDY_EVENTS = ("transfer_summary",)
"""Events that hold words of the conversation: erased with those."""
_ELSEWHERE = timedelta(days=7)
"""Time for which a file that is not on this machine may still be on another's, which has its own purge."""
_PROCESS = timedelta(days=1)
_TEXTS = ("owner", "caller", "called", "model", "settings_digest", "profile", "direction", "answered_by", "reason")
_FIGURES = ("seconds", "turns", "interruptions", "lost")
_MONEY = ("model_nano_usd", "transcription_nano_usd", "line_nano_usd", "result_nano_usd", "nano_usd")
_EMPTIED: dict[str, Any] = {
    **dict.fromkeys(_TEXTS, ""),
    **dict.fromkeys((*_FIGURES, *_MONEY), 0),
    "waits": {},
    "tokens": {},
    "changes": None,
}
"""Columns as they are once a call was erased whose file resists: its SID, its time and its caller stay."""


async def is_stored(connection: AsyncConnection, sid: str) -> bool:
    """True of a call that nobody has forgotten."""
    gone = sa.exists().where(forgotten.c.call_sid == calls.c.sid)
    return (await connection.execute(sa.select(calls.c.sid).where(calls.c.sid == sid, ~gone))).first() is not None


async def purge(connection: AsyncConnection, now: datetime, keep: Retention, record_dir: Path) -> Purged:
    """Erase files and words whose time is over, and what other instances were told to forget."""
    erased: list[str] = []
    failed: dict[str, str] = {}
    for kind, days in (("recording", keep.recordings_days), ("fixture", keep.fixtures_days)):
        if days:
            done = await _purge_files(connection, kind, now - timedelta(days=days))
            erased += done.erased
            failed |= done.failed
    texts = await _purge_texts(connection, now, keep.transcripts_days) if keep.transcripts_days else 0
    late = erase(of_calls(record_dir, await _tombstones(connection, now)))
    await _purge_processes(connection, now)
    await forget_old(connection, now)
    await forget_delivered(connection, now)
    return Purged(files=[*erased, *late.erased], texts=texts, failed={**failed, **late.failed})


async def _purge_files(connection: AsyncConnection, kind: str, until: datetime) -> ErasedFiles:
    query = sa.select(files.c.path, files.c.at).where(files.c.kind == kind, files.c.at < until)
    old = dict((await connection.execute(query)).all())
    done = erase(old)
    missing = {path for path in done.missing if old[path] >= until - _ELSEWHERE}
    gone = [path for path in old if path not in missing and path not in done.failed]
    await _drop_files(connection, gone)
    return done


async def _drop_files(connection: AsyncConnection, paths: Iterable[str]) -> None:
    gone = [{"gone": path} for path in paths]
    if gone:
        await connection.execute(sa.delete(files).where(files.c.path == sa.bindparam("gone")), gone)


async def _purge_texts(connection: AsyncConnection, now: datetime, days: int) -> int:
    """Empty the words of calls that ended `days` ago or longer. Returns how many calls."""
    due = (calls.c.ended_at < now - timedelta(days=days)) & calls.c.purged_at.is_(None)
    of_due = turns.c.call_sid.in_(sa.select(calls.c.sid).where(due))
    await connection.execute(sa.update(turns).where(of_due).values(text=None, unheard=""))
    told = events.c.call_sid.in_(sa.select(calls.c.sid).where(due)) & events.c.name.in_(WORDY_EVENTS)
    await connection.execute(sa.delete(events).where(told))
    results_due = call_results.c.call_sid.in_(sa.select(calls.c.sid).where(due))
    await connection.execute(sa.update(call_results).where(results_due).values(summary="", fields={}))
    return (await connection.execute(sa.update(calls).where(due).values(purged_at=now, changes=None))).rowcount


async def _tombstones(connection: AsyncConnection, now: datetime) -> list[str]:
    """The SIDs of forgotten calls. Those that have been so for long are let go."""
    sids = list((await connection.execute(sa.select(forgotten.c.call_sid))).scalars())
    await connection.execute(sa.delete(forgotten).where(forgotten.c.at < now - TOMBSTONE))
    return sids


async def _purge_processes(connection: AsyncConnection, now: datetime) -> None:
    owns = sa.exists().where(calls.c.owner == processes.c.owner, calls.c.ended_at.is_(None))
    await connection.execute(sa.delete(processes).where(processes.c.seen_at < now - _PROCESS, ~owns))


async def forget(connection: AsyncConnection, caller_hash: str, now: datetime, record_dir: Path) -> Forgotten:
    """Erase every row and file of a caller. The files go first: a call keeps an empty row while one of them resists."""
    mine = sa.select(calls.c.sid, calls.c.ended_at).where(calls.c.caller_hash == caller_hash)
    found = (await connection.execute(mine.order_by(calls.c.sid).with_for_update())).all()
    sids = [sid for sid, _ in found]
    query = sa.select(files.c.path, files.c.call_sid).where(files.c.call_sid.in_(sids))
    owners: dict[str, str] = dict((await connection.execute(query)).all())
    done = erase(dict.fromkeys([*owners, *of_calls(record_dir, sids)]))
    counts = [await _erase_rows(connection, table, sids) for table in (turns, usages, events, outbox, call_results)]
    await _drop_files(connection, owners.keys() - done.failed.keys())
    resisting = {owners[path] for path in done.failed if path in owners}
    await _erase_calls(connection, sids, resisting, now)
    return Forgotten(
        calls=len(sids),
        turns=counts[0],
        usages=counts[1],
        events=counts[2],
        erased=done.erased,
        outside=[path for path in done.erased if not is_below(path, record_dir)],
        missing=done.missing,
        failed=done.failed,
        live=[sid for sid, ended_at in found if ended_at is None],
    )


async def _erase_rows(connection: AsyncConnection, table: sa.Table, sids: Sequence[str]) -> int:
    return (await connection.execute(sa.delete(table).where(table.c.call_sid.in_(sids)))).rowcount


async def _erase_calls(connection: AsyncConnection, sids: Sequence[str], resisting: set[str], now: datetime) -> None:
    """Delete the rows of the calls and bar them; of those in `resisting` only what finds their files again is left."""
    if not sids:
        return
    await connection.execute(sa.delete(calls).where(calls.c.sid.in_([sid for sid in sids if sid not in resisting])))
    await connection.execute(sa.update(calls).where(calls.c.sid.in_(sorted(resisting))).values(_EMPTIED))
    again = sa.select(forgotten.c.call_sid).where(forgotten.c.call_sid.in_(sids))
    known = set((await connection.execute(again)).scalars())
    new = [{"call_sid": sid, "at": now} for sid in sids if sid not in known]
    if new:
        await connection.execute(sa.insert(forgotten), new)


def still_in_log(gone: Forgotten) -> Forgotten:
    """The same, with what it says of SQLite's log."""
    return msgspec.structs.replace(gone, in_log=True)


def erase_stray(stray: Iterable[FileKept]) -> None:
    """Files of forgotten calls that came to be known too late. What resists is erased by a purge."""
    erase(row.path for row in stray)
