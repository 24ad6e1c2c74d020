"""Files about calls on this machine's disk, and their end."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

_WORD = re.compile("[A-Za-z0-9]+")
PACKED = ".gz"
"""A fixture may have been packed since it was written."""
_OWN = "calls."  # the store's own files lie in the recording directory too


class ErasedFiles(NamedTuple):
    """Result of erasing files, each by its path. `missing` were not there; `failed` has the reason for each."""

    erased: list[str]
    missing: list[str]
    failed: dict[str, str]


def erase(paths: Iterable[str]) -> ErasedFiles:
    """Unlink each of `paths`, and what was packed of it. One that is open elsewhere is gone when it is closed."""
    done = ErasedFiles([], [], {})
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
    """Erase a file. False: there was none."""
    try:
        Path(path).unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def of_calls(record_dir: Path, sids: Collection[str]) -> list[str]:
    """The files in `record_dir`, or deeper, whose names hold one of `sids`, as recorders name them; known or not."""
    if not sids:
        return []
    wanted = {"".join(_WORD.findall(sid)) for sid in sids} - {""}
    return [
        str((Path(place) / name).absolute())
        for place, _, names in sorted(os.walk(record_dir, onerror=_unless_gone))
        for name in sorted(names)
        if not name.startswith(_OWN) and wanted.intersection(_WORD.findall(name))
    ]


def _unless_gone(error: OSError) -> None:
    """A directory that is not there holds nothing; one that can't be looked into may."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def is_here(path: Path | str) -> bool:
    """True when there is such a file, as far as may be seen: one behind a directory that may not be entered is not."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_below(path: str, directory: Path) -> bool:
    """True when `path` lies in `directory` or deeper."""
    return Path(path).resolve().is_relative_to(directory.resolve())
