"""The directory that the processes of one instance share, below TMPDIR.

It goes with its manager. One that was killed leaves it behind: the next start removes it. Whether somebody still lives
in one is told by a lock that the manager holds and its processes inherit, not by a number of a process, which means
something else in another container.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

PREFIX = "heardline-"
LOCK = "lock"

_log = structlog.get_logger()


@contextmanager
def shared_directory() -> Iterator[Path]:
    """A directory of this instance's own. Only the process that made it removes it: those it forks come by here too."""
    clear()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    handle = _locked(directory)
    maker = os.getpid()
    try:
        yield directory
    finally:
        if os.getpid() == maker:
            shutil.rmtree(directory, ignore_errors=True)
            os.close(handle)


def _locked(directory: Path) -> int:
    """Make the lock and hold it. It gets its name last: without it, a directory is never taken for a dead one's."""
    unnamed = directory / f"{LOCK}.new"
    handle = os.open(unnamed, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    unnamed.rename(directory / LOCK)
    return handle


def clear() -> None:
    """Remove what instances have left that are dead."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            if _dead(directory / LOCK):
                shutil.rmtree(directory)
                _log.info("left_over_removed", directory=str(directory))


def _dead(lock: Path) -> bool:
    """True if nobody holds the lock. Raises OSError when there is none, or it is not ours to open."""
    handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return os.fstat(handle).st_uid == os.getuid()
    finally:
        os.close(handle)
