"""Migrations: they make the tables the code means, once, however many start together."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from bot.store.call_store import CallStore
from bot.store.sql.engine import for_writing, make_engine
from bot.store.sql.schema import migrate
from bot.store.sql.tables import HEAD, metadata
from bot.store.sql.upgrading import migrations, upgrade
from bot.store.urls import StoreError, StoreUrl, sqlite_url, url_of
from tests.store.row_samples import started
from tests.waiting import GIVE_UP_S

PROCESSES = 4
MIGRATE_AND_WRITE = """
import asyncio, os, sys
from pathlib import Path
from bot.store.sql.schema import migrate
from bot.store.call_store import CallStore
from bot.store.urls import url_of
from tests.store.row_samples import started

async def main(number):
    where = url_of(sys.argv[1], Path(sys.argv[2]))
    await migrate(where)
    store = CallStore(where)
    await store.apply([started(f"CA{number}")])
    await store.close()

processes = []
waits, starts = os.pipe()
for number in range(int(sys.argv[3])):
    process = os.fork()
    if not process:
        os.close(starts)
        os.read(waits, 1)  # until nobody is left who could write
        asyncio.run(main(number))
        sys.exit()
    processes.append(process)
os.close(starts)
print([os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes])
"""
"""Program whose processes are forked once the imports, which take long, are done: so they go at once."""


async def execute(where: StoreUrl, statement: str) -> None:
    engine = make_engine(where)
    async with for_writing(engine).begin() as connection:
        await connection.execute(sa.text(statement))
    await engine.dispose()


async def upgraded(where: StoreUrl, revision: str) -> None:
    """Make the tables by the migrations up to that one."""
    engine = make_engine(where)
    async with for_writing(engine).begin() as connection:
        await connection.run_sync(upgrade, revision)
    await engine.dispose()


async def described(where: StoreUrl) -> list[str]:
    """All that a new SQLite file holds, as SQL, without line ends and with columns in one order."""
    engine = make_engine(where)
    async with engine.connect() as connection:
        found = await connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
        texts = [" ".join(str(text).replace("(", "( ").replace(")", " )").split()) for (text,) in found]
    await engine.dispose()
    return sorted(", ".join(sorted(part.strip(" ,") for part in text.split(", "))) for text in texts)


def url_text(where: StoreUrl) -> str:
    """DATABASE_URL of `where`."""
    if where.path is not None:
        return f"sqlite:///{where.path}"
    args = where.connect_args
    return where.url.set(drivername="postgres", host=args["host"], port=args["port"]).render_as_string(
        hide_password=False
    )


@pytest.mark.parametrize("made", ["by the migrations", "at once"])
async def test_the_migrations_make_exactly_the_tables_of_the_code(where: StoreUrl, made: str) -> None:
    if made == "by the migrations":
        await upgraded(where, "r0001")
    await migrate(where)
    engine = make_engine(where)
    try:
        async with engine.connect() as connection:
            # alembic's comparison of defaults takes '' in SQLite for different from ''
            options = {"compare_type": True, "compare_server_default": where.dialect == "postgresql"}
            differences = await connection.run_sync(
                lambda inner: compare_metadata(MigrationContext.configure(inner, opts=options), metadata)
            )
    finally:
        await engine.dispose()
    assert differences == []


async def test_a_new_file_is_made_as_the_migrations_would_make_it(tmp_path: Path) -> None:
    new, old = (sqlite_url(tmp_path / name / "calls.sqlite", tmp_path) for name in ("new", "old"))
    await migrate(new)
    await upgraded(old, "head")
    assert await described(new) == await described(old)


def test_the_newest_migration_is_the_one_the_code_asks_for() -> None:
    assert ScriptDirectory.from_config(migrations()).get_current_head() == HEAD


async def test_migrating_again_changes_and_loses_nothing(where: StoreUrl) -> None:
    await migrate(where)
    store = CallStore(where)
    await store.apply([started()])
    await migrate(where)
    assert len(await store.calls()) == 1
    await store.close()


async def test_a_store_of_the_first_version_keeps_its_calls(where: StoreUrl) -> None:
    await upgraded(where, "r0001")
    await execute(
        where,
        "INSERT INTO calls (sid, started_at, waits, tokens, nano_usd) "
        "VALUES ('CA1', '2026-11-22 12:00:00.000000', '{}', '{}', 7)",
    )
    await migrate(where)
    store = CallStore(where)
    assert await store.is_current()
    (call,) = await store.calls()
    assert (call.nano_usd, call.result_nano_usd) == (7, 0)
    await store.close()


async def test_whether_there_is_work_for_a_migration_is_known(where: StoreUrl) -> None:
    store = CallStore(where)
    assert not await store.is_current()
    await migrate(where)
    assert await store.is_current()
    await execute(where, "UPDATE alembic_version SET version_num = 'r0000'")
    assert not await store.is_current()
    await store.close()


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(where: StoreUrl) -> None:
    await migrate(where)
    await execute(where, "UPDATE alembic_version SET version_num = 'r9999'")
    with pytest.raises(StoreError, match="made by a newer version of heardline; install that version, or point"):
        await migrate(where)
    await execute(where, f"UPDATE alembic_version SET version_num = '{HEAD}'")
    await migrate(where)


async def test_a_migration_that_fails_leaves_nothing_behind(where: StoreUrl) -> None:
    await execute(where, "CREATE TABLE forgotten (something INTEGER)")  # the last table that is made
    with pytest.raises(SQLAlchemyError):
        await migrate(where)
    await execute(where, "DROP TABLE forgotten")
    await migrate(where)


async def test_processes_that_start_together_migrate_once(where: StoreUrl, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", MIGRATE_AND_WRITE, url_text(where), str(tmp_path), str(PROCESSES)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    codes, errors = await process.communicate()
    assert (process.returncode, codes.decode(), errors.decode()) == (0, f"{[0] * PROCESSES}\n", "")
    store = CallStore(where)
    assert {call.sid for call in await store.calls()} == {f"CA{number}" for number in range(PROCESSES)}
    await store.close()


async def test_the_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    where = url_of("", tmp_path / "new" / "recordings")
    await migrate(where)
    store = CallStore(where)
    await store.apply([started()])
    assert where.path is not None
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in where.path.parent.iterdir()}
    assert modes == {"calls.sqlite": 0o600, "calls.sqlite-wal": 0o600, "calls.sqlite-shm": 0o600}
    await store.close()


async def test_a_path_with_signs_of_its_own_is_no_trouble(tmp_path: Path) -> None:
    where = sqlite_url(tmp_path / "100% of it?" / "calls #1.sqlite", tmp_path)
    await migrate(where)
    assert (tmp_path / "100% of it?" / "calls #1.sqlite").stat().st_size > 0


async def test_a_file_that_is_no_database_is_refused_by_the_driver(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    path.write_text("These are not the calls you are looking for. " * 100)
    with pytest.raises(SQLAlchemyError):
        await migrate(sqlite_url(path, tmp_path))


async def test_a_connection_that_fails_as_it_opens_leaves_no_thread_to_outlive_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the driver's thread is late, and says so on the terminal of an operator with a wrong file."""
    no_database = tmp_path / "calls.sqlite"
    no_database.write_bytes(b"no database at all" * 100)
    monkeypatch.setattr("aiosqlite.core.LOG.debug", lambda *_: time.sleep(0.02))
    monkeypatch.setattr("bot.store.sql.driver_threads.LAST_S", GIVE_UP_S)
    store = CallStore(url_of(f"sqlite:///{no_database}", tmp_path))
    with pytest.raises((SQLAlchemyError, sqlite3.DatabaseError)):
        await store.is_current()
    before = {thread for thread in threading.enumerate() if "_connection_worker" in thread.name}
    await store.close()
    assert not any(thread.is_alive() for thread in before)
