"""Names of files about calls, and how they are made."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, cast

FileKind = Literal["fixture", "recording", "export"]

MOST_OF_A_NAME = 99


def call_path(directory: Path | str, call_sid: str, suffix: str, date: datetime | None = None) -> Path:
    """`<date>-<callsid><suffix>` in `directory`, the date in UTC to the second."""
    stamp = (date or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = "".join(letter for letter in call_sid if letter.isascii() and letter.isalnum()) or "unknown"
    return Path(directory) / f"{stamp}-{name}{suffix}"


def new_file(path: Path, suffix: str) -> tuple[Path, BinaryIO]:
    """A new file that only its owner can read: voices are in it. Makes its directory.

    With a number before `suffix` when `path` is taken. Its descriptor can be read from too. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = path.name.removesuffix(suffix)
    for attempt in range(1, MOST_OF_A_NAME + 1):
        free = path if attempt == 1 else path.with_name(f"{stem}-{attempt}{suffix}")
        try:
            handle = os.open(free, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        return free, cast("BinaryIO", os.fdopen(handle, "wb"))
    raise FileExistsError(f"{path} and {MOST_OF_A_NAME - 1} like it exist")
