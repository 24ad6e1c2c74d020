"""A setting that is a TOML file of tables: read whole, with sentences that follow the setting's name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

MAX_BYTES = 65_536


def read_tables(path: str, each: str) -> dict[str, dict[str, Any]]:
    """The tables of the file at `path`, by name; `each` says what one is. Raises ValueError."""
    try:
        raw = Path(path).read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(
            f"must be a file that can be read ({error.strerror}); put it there, or mend the path"
        ) from None
    except UnicodeDecodeError:
        raise ValueError("must be a file in UTF-8; save it so") from None
    if len(raw) > MAX_BYTES:
        raise ValueError(f"must be a file of at most {MAX_BYTES} bytes")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"must be a TOML file ({error})") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"has {name!r} outside of a table; each {each} is one, [{name}]")  # noqa: TRY004
    return tables
