"""The tables brought to what this code needs, by alembic, once however many processes start together."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bot.store.sql.driver_threads import dispose
from bot.store.sql.engine import for_writing, make_engine
from bot.store.urls import StoreError, StoreUrl

MIGRATE_S = 300.0
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x48656172646C696E
"""The number of Postgres's advisory lock: "Heardlin"."""


async def migrate(where: StoreUrl) -> None:
    """Make the tables, or bring them up to date; with nothing to do, do nothing. Others that migrate meanwhile wait.

    Raises StoreError for a database that a newer version has made, and what the driver raises (OSError and SQLAlchemy's
    errors) for one that can't be reached.
    """
    engine = make_engine(where, command_s=MIGRATE_S)
    try:
        async with for_writing(engine).begin() as connection:
            # SQLite's transaction has locked the file by now. Postgres's lock goes with the transaction.
            if where.dialect == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await dispose(engine)


def migrations() -> Config:
    """Alembic's configuration, made here: there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def _upgrade(connection: Connection) -> None:
    config = migrations()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if set(MigrationContext.configure(connection).get_current_heads()) - known:
        raise StoreError(
            "The call store was made by a newer version of heardline; install that version, or point DATABASE_URL "
            "at another database."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
