"""Directories that files are to be made in: tried, and left as they were."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from contextlib import closing
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""A disk that is full may have room again while the server runs."""

_TRIAL_PREFIX = "heardline_"
"""Prefix as long as that of a directory which processes do share: a socket's path may have a hundred letters."""


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


class NoSharedDirectory(Exception):
    """No directory can be had that processes could share. Ends a sentence."""


def try_shared() -> None:
    """Make what processes need to share, and remove it again. Raises NoSharedDirectory."""
    try:
        with tempfile.TemporaryDirectory(prefix=_TRIAL_PREFIX) as directory, closing(_letter_box()) as box:
            box.bind(str(Path(directory) / f"{os.getpid()}.box"))
    except OSError as error:
        why = error.strerror or str(error)  # a path too long for a socket has no number
        raise NoSharedDirectory(
            f"its processes can't share a directory below TMPDIR ({why}); "
            "set TMPDIR to another one, or WEB_CONCURRENCY to 1"
        ) from None


def _letter_box() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def _there(path: Path) -> bool:
    """Raises OSError where one may not look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
