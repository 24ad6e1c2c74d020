"""The hourly purge, done by one process of each machine: files lie on a machine's own disk."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from bot.config import Settings
from bot.store.results import Purged, Retention

EVERY_S = 3600.0
_LOCK = "calls.purge"

_log = structlog.get_logger()


class _Calls(Protocol):
    async def purge(self, now: datetime, keep: Retention) -> Purged: ...


def retention(settings: Settings) -> Retention:
    """The settings for how long things are kept."""
    return Retention(
        recordings_days=settings.keep_recordings_days,
        fixtures_days=settings.keep_fixtures_days,
        transcripts_days=settings.keep_transcripts_days,
    )


class Purge:
    """Awaited with the store once an hour. Only the process that got hold of the lock in `directory` does it."""

    def __init__(self, directory: Path, keep: Retention, now: Callable[[], datetime]) -> None:
        self._directory = directory
        self._keep = keep
        self._now = now
        self._lock: int | None = None

    async def __call__(self, store: _Calls) -> None:
        if not self._mine():
            return
        purged = await store.purge(self._now(), self._keep)
        if purged.files or purged.texts:
            _log.info("purged", files=len(purged.files), calls=purged.texts)
        for path, why in purged.failed.items():
            _log.warning("purge_failed", path=path, why=why)

    def close(self) -> None:
        """Let another process do it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _mine(self) -> bool:
        """True when this process is the one that purges. Without a lock file there are no files either: each may."""
        if self._lock is not None:
            return True
        with suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._directory / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self._lock is None:
            return True
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            return False
        return True
