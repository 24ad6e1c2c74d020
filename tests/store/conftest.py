"""Each test that asks for `where` or `store` runs twice: on SQLite in a file, and on a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from bot.store.call_store import CallStore
from bot.store.sql.schema import migrate
from bot.store.urls import StoreUrl, url_of
from tests.postgres import PASSWORD, USER, Server
from tests.store.row_samples import NOW

SHARED = "calls_of_tests"
_numbers = itertools.count(1)
_migrated: set[Server] = set()


async def execute(server: Server, statement: str, database: str = "postgres") -> None:
    """Have `server` do `statement`, past the store."""
    connection = await asyncpg.connect(
        host="127.0.0.1", port=server.port, user=USER, password=PASSWORD, database=database
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def new_database(server: Server) -> str:
    """The name of a database that nobody has used. That takes half a second."""
    name = f"calls_{next(_numbers)}"
    await execute(server, f"CREATE DATABASE {name}")
    return name


async def emptied_database(server: Server, tmp_path: Path) -> str:
    """The name of the one database that has its tables, with nothing in them."""
    if server not in _migrated:
        await execute(server, f"CREATE DATABASE {SHARED}")
        await migrate(url_of(server.url(SHARED), tmp_path))
        _migrated.add(server)
    await execute(server, "TRUNCATE calls, processes, forgotten, dials CASCADE", SHARED)
    return SHARED


@pytest.fixture(params=["sqlite", "postgresql"])
async def where(request: pytest.FixtureRequest, tmp_path: Path) -> StoreUrl:
    """A database, without tables unless the test wants a `store`. Recordings lie in `tmp_path / "recordings"`."""
    record_dir = tmp_path / "recordings"
    if request.param == "sqlite":
        return url_of(f"sqlite:///{quote(str(tmp_path / 'calls.sqlite'))}", record_dir)
    server: Server = request.getfixturevalue("postgres")
    with_tables = "store" in request.fixturenames
    name = await emptied_database(server, tmp_path) if with_tables else await new_database(server)
    return url_of(server.url(name), record_dir)


@pytest.fixture
async def store(where: StoreUrl) -> AsyncIterator[CallStore]:
    """A store with its tables, and nothing in them; its clock stands at `NOW`."""
    if where.dialect == "sqlite":
        await migrate(where)
    opened = CallStore(where, now=lambda: NOW)
    yield opened
    await opened.close()
