"""Directories that files are to be made in: tried, and left as they were."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""A disk that is full may have room again while the server runs."""


def try_directory(directory: Path) -> None:
    """Make a directory in `directory`, or in the nearest there is above it, and remove it. Raises OSError."""
    nearest = directory.absolute()
    while not _there(nearest):
        nearest = nearest.parent
    with tempfile.TemporaryDirectory(prefix=".heardline-", dir=nearest):
        pass


def try_file(path: Path) -> None:
    """Open a file for writing if it is there, and change nothing. Raises OSError."""
    if _there(path):
        os.close(os.open(path, os.O_RDWR))


def _there(path: Path) -> bool:
    """Raises OSError where one may not look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
