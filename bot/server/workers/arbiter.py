"""gunicorn's arbiter, such that a stop reaches every process, whenever it comes, and none is started after it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]

from bot.server.workers.server_process import REPLACED, STOPS

HELD = (*STOPS, REPLACED)
"""Signals that wait while a process is forked."""


class StoppingArbiter(Arbiter):  # type: ignore[misc]
    """Starts, watches and replaces processes until it is told to stop. `pass_on` is told of each stop at once.

    gunicorn's own gets to a stop when it has waited for the processes that SIGHUP replaced. Then it first starts others
    in place of those that have left, and stops them while they still have the handlers of their manager.
    """

    def __init__(self, app: Any, pass_on: Callable[[Arbiter, int], None]) -> None:
        self._pass_on = pass_on
        self._stopping = False
        super().__init__(app)

    def signal(self, sig: int, frame: FrameType | None) -> None:
        if sig in STOPS:
            self._stopping = True
            self._pass_on(self, sig)
        super().signal(sig, frame)

    def spawn_worker(self) -> int | None:
        """Fork, while stops wait: here until the process is among those that are told, there until `hear_stops`."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        try:
            return None if self._stopping else super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def manage_workers(self) -> None:
        if not self._stopping:
            super().manage_workers()

    def kill_worker(self, pid: int, sig: int) -> None:
        """Once it stops, `pass_on` alone tells the processes to leave; before, gunicorn's SIGTERM replaces one.

        It may arrive after the stop, and as a stop it would be the second one, which ends calls.
        """
        if not self._stopping or sig == signal.SIGKILL:
            super().kill_worker(pid, REPLACED if sig == signal.SIGTERM else sig)

    def reload(self) -> None:
        if not self._stopping:
            super().reload()


def hear_stops() -> None:
    """Let in the stops that have waited in a process since it was forked: its own handlers are there."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
