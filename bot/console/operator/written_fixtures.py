"""A call's fixtures, waited for until they are whole: the thread that writes them may be behind the call's end.

Judged by the files alone, since the call may have been another process's: a fixture is whole once it tells the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from bot.console.operator.past import the_call
from bot.server.http.app_keys import CALLS
from bot.store.results import StoredCall
from bot.store.rows import FileKept
from bot.store.upkeep.files_on_disk import PACKED, is_here

WRITTEN_WITHIN_S = 30.0
"""Time after a call's end in which its fixtures are written, however busy the disk: what is missing later is lost."""
WAIT_S = 5.0
LOOK_S = 0.1
_END = b'"told":"end"'
_TAIL = 16_384
"""Bytes that hold the end of a call, and what is told behind it."""


async def when_written(request: web.Request, call: StoredCall) -> tuple[StoredCall, bool]:
    """The call with its fixtures, and whether they are all there will be: False if they are still being written."""
    if not _may_be_written_yet(request, call):
        return call, True
    for _ in range(round(WAIT_S / LOOK_S)):
        if await asyncio.to_thread(are_whole, call.files):
            return call, True
        await asyncio.sleep(LOOK_S)
        call = await the_call(request)
    return call, False


def _may_be_written_yet(request: web.Request, call: StoredCall) -> bool:
    """True for a call that was over a moment ago and of which a fixture is kept."""
    ended_at, settings = call.summary.ended_at, request.app[CALLS].profiles.again(call.summary.profile, {})
    if ended_at is None or "fixture" not in settings.record:
        return False
    return datetime.now(UTC) - ended_at < timedelta(seconds=WRITTEN_WITHIN_S)


def are_whole(files: Sequence[FileKept]) -> bool:
    """True when the last fixture of these is on this machine to its end. Those of earlier streams were left before."""
    fixtures = [file for file in files if file.kind == "fixture"]
    last = max(fixtures, key=lambda file: file.at, default=None)
    return last is not None and (is_here(last.path + PACKED) or (is_here(last.path) and _has_its_end(Path(last.path))))


def _has_its_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        tail = file.read()
    return _END in tail and tail.endswith(b"\n")
