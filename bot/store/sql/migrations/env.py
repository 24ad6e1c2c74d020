"""Run by alembic, on the connection and in the transaction that `bot.store.sql.schema` has begun and locked."""

from __future__ import annotations

from alembic import context

from bot.store.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's is, since its transaction is begun by us
)
context.run_migrations()
