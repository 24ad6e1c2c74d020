"""The tables, made in a new database, or brought to what this code needs; once however many start together."""

from __future__ import annotations

import sqlalchemy as sa

from bot.store.sql.driver_threads import dispose
from bot.store.sql.engine import for_writing, make_engine
from bot.store.sql.tables import HEAD, metadata
from bot.store.urls import StoreUrl

MIGRATE_S = 300.0
VERSION = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as it makes it: the revision that the tables are of."""
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
                await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_bring_up_to_date)
    finally:
        await dispose(engine)


def _bring_up_to_date(connection: sa.Connection) -> None:
    if not sa.inspect(connection).has_table(VERSION.name):
        _make(connection)
        return
    if connection.execute(sa.select(VERSION.c.version_num)).scalars().all() == [HEAD]:
        return  # another process was first
    from bot.store.sql.upgrading import upgrade  # noqa: PLC0415  a tenth of a start's time, and seldom needed

    upgrade(connection)


def _make(connection: sa.Connection) -> None:
    """Make the tables as they are now: where disks do not last, every start does."""
    metadata.create_all(connection, checkfirst=False)
    VERSION.create(connection)
    connection.execute(sa.insert(VERSION).values(version_num=HEAD))
