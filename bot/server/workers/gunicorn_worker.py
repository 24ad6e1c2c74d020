"""Several processes on one port, under gunicorn: `bot serve` with WEB_CONCURRENCY above 1.

gunicorn forks, watches and replaces the workers. On SIGTERM to the master, or when SIGHUP replaces a worker, a worker
drains as a single process does; gunicorn kills it only when its calls, what follows them and the store have had all
their time. aiohttp's own worker closes its listener first: here a draining worker leaves the port only to another one
that takes calls.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from bot.config import Settings
from bot.config.profiles import Profiles
from bot.observe.metrics import MULTIPROCESS_DIR, process_gone
from bot.server.bookkeeping.store_service import LAST_ROWS_S
from bot.server.directory.departure import LEAVE_S
from bot.server.http.app import BACKLOG, STOP_S
from bot.server.http.app_keys import Mount
from bot.server.setup.listen_address import listener
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.socket_handover import SocketHandover
from bot.server.workers.arbiter import StoppingArbiter, hear_stops
from bot.server.workers.event_loop import run_in_loop
from bot.server.workers.operator_messages import OperatorMessages
from bot.server.workers.rereading import reread
from bot.server.workers.server_process import Server, ignore_stops
from bot.server.workers.shared_directory import shared_directory
from bot.twilio.rest import load_package

SOCKETS_S = 2
"""Seconds that closing the sockets of calls and of the store may take."""
KILL_AFTER_DRAIN_S = int(LEAVE_S + STOP_S + LAST_ROWS_S) + SOCKETS_S
REGISTRY = "calls.sqlite"
IGNORED = frozenset({signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH})
AGAIN_AFTER_S = 2.0
"""Seconds for which a process that has failed keeps its place: what fails always shall not fail all the time."""
SILENT_WORKER_S = 30
"""Seconds after which a worker whose loop has not turned is replaced."""


class CallWorker(Worker):  # type: ignore[misc]
    """One process of the server."""

    def init_signals(self) -> None:
        """The loop takes those that stop it once it runs; until then they end the process. Others are the manager's."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in IGNORED else signal.SIG_DFL)
        hear_stops()

    def run(self) -> None:
        try:
            run_in_loop(self._serve())
        except Exception:
            time.sleep(AGAIN_AFTER_S)  # the manager starts the next process at once, which may fail at once
            raise

    async def _serve(self) -> None:
        registry = CallRegistry(time.time, self.app.directory / REGISTRY)
        directory: Path = self.app.directory
        server = Server(
            self.app.settings,
            registry,
            SocketHandover(directory),
            mounts=self.app.mounts,
            profiles=self.app.profiles,
        )
        heartbeat = asyncio.create_task(self._heartbeat(server), name="manager")
        try:
            await server.run(self.sockets[0].sock)
        finally:
            heartbeat.cancel()
            registry.close()
            ignore_stops()

    async def _heartbeat(self, server: Server) -> None:
        """Show the manager that the loop turns; without a manager, stop."""
        while os.getppid() == self.ppid:
            self.notify()
            await asyncio.sleep(1.0)
        server.stop()


class _Log(Logger):  # type: ignore[misc]
    """The manager's log, which goes where all the rest goes."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True


class Manager(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured by our settings and nothing else. `handle` is the listening socket, which it takes over."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        handle: int,
        *,
        operator: OperatorMessages,
        profiles: Profiles,
        mounts: Sequence[Mount],
    ) -> None:
        self.settings = settings
        self.profiles = profiles
        """The profiles of every process that is started from now on."""
        self.directory = directory
        self._handle = handle
        self._operator = operator
        self.mounts = mounts
        super().__init__()

    def load_config(self) -> None:
        settings = self.settings
        options: dict[str, Any] = {
            "bind": f"fd://{self._handle}",
            "workers": settings.web_concurrency,
            "worker_class": CallWorker,
            "graceful_timeout": int(settings.drain_s) + KILL_AFTER_DRAIN_S,
            "timeout": SILENT_WORKER_S,
            "backlog": BACKLOG,
            "loglevel": "warning",
            "logger_class": _Log,
            "child_exit": self._worker_gone,
            "on_reload": self._replacing,
            "when_ready": self._ready,
            "control_socket_disable": True,
        }
        for name, value in options.items():
            if name in self.cfg.settings:  # the control socket came with gunicorn 25
                self.cfg.set(name, value)

    def load(self) -> None:
        """There is no WSGI application: the worker brings its own."""

    def run(self) -> None:
        StoppingArbiter(self, self._pass_on).run()

    def _ready(self, _: Arbiter) -> None:
        self._operator.ready()

    def _pass_on(self, arbiter: Arbiter, number: int) -> None:
        """A stop reaches every process at once; told twice, they do the same.

        After SIGHUP gunicorn's manager would first wait until those are gone that were replaced, and meanwhile the new
        ones would take calls that the platform then cuts.
        """
        if number == signal.SIGINT:
            self._operator.stopping()
        for pid in list(arbiter.WORKERS):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if number == signal.SIGTERM else signal.SIGQUIT)

    def _replacing(self, _: Arbiter) -> None:
        """SIGHUP: the processes that come in place of those of now have the profiles of now."""
        reread(self.profiles)

    def _worker_gone(self, _: object, worker: Worker) -> None:
        """However it died, its calls are over."""
        registry = CallRegistry(time.time, self.directory / REGISTRY)
        registry.processes.abandon(worker.pid)
        registry.close()
        process_gone(worker.pid)


def run_workers(settings: Settings, operator: OperatorMessages, profiles: Profiles, mounts: Sequence[Mount]) -> None:
    """Serve with WEB_CONCURRENCY processes until SIGTERM or SIGINT. Raises CannotListen."""
    socket = listener(settings.host, settings.port, BACKLOG)
    with shared_directory() as directory:
        metrics = directory / "metrics"
        metrics.mkdir()
        os.environ[MULTIPROCESS_DIR] = str(metrics)
        load_package()  # once, and not by each process while it has calls
        gc.freeze()  # what is loaded stays in memory that all processes share, and is not searched as they exit
        Manager(settings, directory, socket.detach(), operator=operator, profiles=profiles, mounts=mounts).run()
