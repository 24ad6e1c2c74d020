"""A setting that names a TOML file of tables. What is wrong with it is told in words that follow the setting's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.config.env_file import read_toml, reason
from bot.config.values.paths import existing_file


def read_tables(path: str, each: str) -> dict[str, dict[str, Any]]:
    """The tables of the file at `path`, by name; `each` says what one is. Raises ValueError."""
    file = existing_file(Path(path))
    try:
        tables = read_toml(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"names a file that can't be used, {file} ({reason(error)}); mend it or the path") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"has {name!r} outside of a table; each {each} is one, [{name}]")  # noqa: TRY004
    return tables
