"""Files about calls on this machine's disk, and their end."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

_WORD = re.compile("[A-Za-z0-9]+")
PACKED = ".gz"
"""A fixture may have been packed since it was written."""
_OWN = "calls."  # the store's own files lie in the recording directory too


class Erased(NamedTuple):
    """What became of files, each by its path. `missing` were not there; `failed` has the reason for each."""

    erased: list[str]
    missing: list[str]
    failed: dict[str, str]


def erase(paths: Iterable[str]) -> Erased:
    """Unlink each of `paths`, and what was packed of it. One that is open elsewhere is gone when it is closed."""
    done = Erased([], [], {})
    for path in paths:
        try:
            gone = [name for name in (path, path + PACKED) if _unlink(name)]
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            done.failed[path] = getattr(error, "strerror", None) or str(error)
        else:
            done.erased.extend(gone)
            if not gone:
                done.missing.append(path)
    return done


def _unlink(path: str) -> bool:
    """Whether there was such a file."""
    try:
        Path(path).unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def of_calls(record_dir: Path, sids: Collection[str]) -> list[str]:
    """The files in `record_dir` whose names hold one of `sids`, which is how recorders name them; known or not."""
    if not sids or not record_dir.is_dir():
        return []
    wanted = {"".join(_WORD.findall(sid)) for sid in sids} - {""}
    return [
        str(path.absolute())
        for path in sorted(record_dir.iterdir())
        if not path.name.startswith(_OWN) and wanted.intersection(_WORD.findall(path.name))
    ]


def is_below(path: str, directory: Path) -> bool:
    """Whether `path` lies in `directory` or deeper."""
    return Path(path).resolve().is_relative_to(directory.resolve())
