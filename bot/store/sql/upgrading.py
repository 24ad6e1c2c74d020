"""The migrations, run by alembic: for a database that an earlier version has made."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bot.store.urls import StoreError

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrations() -> Config:
    """Alembic's configuration, made here: there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to `revision`. Raises StoreError for those that a newer version has made."""
    config = migrations()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if set(MigrationContext.configure(connection).get_current_heads()) - known:
        raise StoreError(
            "The call store was made by a newer version of heardline; install that version, or point DATABASE_URL "
            "at another database."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
