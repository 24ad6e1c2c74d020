"""SIGHUP: the file of profiles is read again. One that is wrong changes nothing, and the log says what is wrong."""

from __future__ import annotations

import asyncio

import structlog

from bot.config import SettingsError
from bot.config.profiles import Profiles

_log = structlog.get_logger()


class Rereading:
    """Rereads the profiles of a process beside its loop: recordings that they name take a while to be read."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def begin(self) -> None:
        """Read again. Told so while it reads, it does once more after that."""
        if self._task is not None and not self._task.done():
            self._again = True
        else:
            self._task = asyncio.create_task(self._run(), name="reread the profiles")

    async def _run(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            try:
                fresh = await asyncio.to_thread(self._profiles.fresh)
            except SettingsError as error:
                _kept(error)
            else:
                _take(self._profiles, fresh)

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()


def reread(profiles: Profiles) -> None:
    """Read again, where nothing else waits."""
    if profiles.base.profiles is None:
        return
    try:
        fresh = profiles.fresh()
    except SettingsError as error:
        _kept(error)
    else:
        _take(profiles, fresh)


def _take(profiles: Profiles, fresh: Profiles) -> None:
    profiles.take(fresh)
    _log.info("profiles_reread", profiles=[each.profile for each in fresh])


def _kept(error: SettingsError) -> None:
    for sentence in error.problems:
        _log.warning("profiles_kept", why=sentence)
