"""A few calls of each way to lose a process; `python -m tests.proof moving` does it with twenty."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.postgres import Server
from tests.proof import moving
from tests.store.conftest import new_database

CALLS = 3


async def test_calls_go_on_when_the_processes_were_killed_and_their_supervisor_or_manager_starts_others(
    tmp_path: Path,
) -> None:
    """Both at once: most of it is waiting. A manager's directory has no long path, since it holds sockets."""
    for moved in await asyncio.gather(moving.killed(CALLS, tmp_path / "killed"), moving.worker(CALLS, tmp_path)):
        assert moved.good, moved.row()


async def test_calls_go_on_in_another_instance_when_theirs_is_stopped(tmp_path: Path, postgres: Server) -> None:
    database = await new_database(postgres)
    moved = await moving.stopped(CALLS, tmp_path, postgres.url(database))
    assert moved.good, moved.row()
    assert moved.cut == 0, moved.row()
