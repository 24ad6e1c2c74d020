"""A call flagged by the operator: its fixtures, and a test of one line each, in a folder ready to be committed.

The store knows of each file before anything is in it, so that `bot forget` erases these with the rest.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from aiohttp import web

from bot.console.operator.actions import posted
from bot.console.operator.past import FLAGGED, as_json, asked, the_call
from bot.console.operator.written_fixtures import when_written
from bot.recording.files.new_file import new_file
from bot.recording.fixture import SUFFIX
from bot.server.http.app_keys import SETTINGS
from bot.store.results import StoredCall
from bot.store.rows import FileKept
from bot.store.upkeep.files_on_disk import PACKED, is_here

LONGEST_NAME = 60
_NO_FIXTURE = "This machine has no fixture of this call. Set BOT_RECORD=fixture, and the next call can be flagged."
_NOT_YET = (
    "The fixture of this call is still being written. Flag it again in a moment; "
    "if it can't be written, the log says recording_failed."
)
_LIVE = "The call goes on; it can be flagged once it is over."
_NO_NAME = f"A flag has a name of at most {LONGEST_NAME} letters, such as: word lost after the cut."
_TEST = '''"""A call that was flagged on {date}: {words}."""

from __future__ import annotations

from pathlib import Path

from bot.testing import assert_replays


def test_{name}() -> None:
{lines}
'''
_LINE = '    assert_replays(Path(__file__).with_name("{fixture}"))'
_log = structlog.get_logger()


class _File(NamedTuple):
    """A file that is there, and has yet to be filled."""

    path: Path
    content: bytes


async def flag(request: web.Request) -> web.Response:
    """POST /console/api/calls/SID/flag, `{"name": ...}`: writes the call as a test, named after the situation."""
    call = await the_call(request)
    words = (await posted(request)).get("name")
    name = _slug(words) if isinstance(words, str) and len(words) <= LONGEST_NAME else ""
    if not name:
        return as_json({"problem": _NO_NAME}, 400)
    if call.summary.ended_at is None:
        return as_json({"problem": _LIVE}, 409)
    call, written = await when_written(request, call)
    if not written:
        return as_json({"problem": _NOT_YET}, 409)
    directory = Path(request.app[SETTINGS].record_dir) / FLAGGED
    try:
        made = await asyncio.to_thread(_make, call, name, directory)
        if not made:
            return as_json({"problem": _NO_FIXTURE}, 409)
        try:
            now = datetime.now(UTC)
            known = [FileKept(call.summary.sid, str(one.path.resolve()), "export", now) for one in made]
            await asked(request, lambda store: store.apply(known))
            await asyncio.to_thread(_fill, made)
        except BaseException:
            await asyncio.to_thread(_drop, made)
            raise
    except OSError as error:
        return as_json({"problem": f"{error.filename} can't be written: {error.strerror}."}, 500)
    _log.info("operator_flagged", call_sid=call.summary.sid, files=len(made))
    told: dict[str, Any] = {"directory": str(directory), "files": [one.path.name for one in made]}
    return as_json(told)


def _slug(words: str) -> str:
    """`words` as a file is named: small letters, digits, and hyphens between."""
    return "-".join(re.findall(r"[a-z0-9]+", words.lower()))


def _make(call: StoredCall, name: str, directory: Path) -> list[_File]:
    """Empty files, and what is to be in each: a fixture for each stream of the call, and the test; none without any."""
    made: list[_File] = []
    for content in _fixtures(call):
        path, file = new_file(directory / f"{name}{SUFFIX}.gz", f"{SUFFIX}.gz")
        file.close()
        made.append(_File(path, content))
    if made:
        lines = "\n".join(_LINE.format(fixture=one.path.name) for one in made)
        words = name.replace("-", " ")
        text = _TEST.format(date=datetime.now(UTC).date(), words=words, name=words.replace(" ", "_"), lines=lines)
        stem = made[0].path.name.removesuffix(f"{SUFFIX}.gz").replace("-", "_")
        path, file = new_file(directory / f"test_{stem}.py", ".py")
        file.close()
        made.append(_File(path, text.encode()))
    return made


def _fixtures(call: StoredCall) -> list[bytes]:
    """Fixtures that are on this machine, packed, the same each time."""
    found = []
    for kept in sorted(call.files, key=lambda file: file.at):
        path = next((one for one in (kept.path, kept.path + PACKED) if is_here(one)), None)
        if kept.kind == "fixture" and path is not None:
            data = Path(path).read_bytes()
            found.append(data if data.startswith(b"\x1f\x8b") else gzip.compress(data, mtime=0))
    return found


def _fill(made: list[_File]) -> None:
    for one in made:
        with os.fdopen(os.open(one.path, os.O_WRONLY), "wb") as file:
            file.write(one.content)


def _drop(made: list[_File]) -> None:
    for one in made:
        one.path.unlink(missing_ok=True)
