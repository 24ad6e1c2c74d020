"""Several processes on one port, under gunicorn: `bot serve` with WEB_CONCURRENCY above 1.

gunicorn forks, watches and replaces the workers. On SIGTERM to the master, or when SIGHUP replaces a worker, a worker
drains as a single process does; gunicorn kills it only BOT_DRAIN_SECONDS + 15 s later. aiohttp's own worker closes its
listener first: here a draining worker leaves the port only to another one that takes calls.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from bot.config import Settings
from bot.server.app import Server
from bot.server.handover import Handover
from bot.server.loop import run_in_loop
from bot.server.registry import SqliteRegistry

KILL_AFTER_DRAIN_S = 15
REGISTRY = "calls.sqlite"
SILENT_WORKER_S = 30
"""A worker whose loop has not turned for this long is replaced."""


class CallWorker(Worker):  # type: ignore[misc]
    """One process of the server."""

    def init_signals(self) -> None:
        """The loop takes the signals once it runs; until then they end the process."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    def run(self) -> None:
        """Serve until told to stop, then drain."""
        run_in_loop(self._serve())

    async def _serve(self) -> None:
        registry = SqliteRegistry(self.app.directory / REGISTRY, time.time)
        server = Server(self.app.settings, registry, Handover(self.app.directory))
        beating = asyncio.create_task(self._beat(server), name="manager")
        try:
            await server.run(self.sockets[0].sock)
        finally:
            beating.cancel()
            registry.close()

    async def _beat(self, server: Server) -> None:
        """Show the manager that the loop turns; without a manager, stop."""
        while os.getppid() == self.ppid:
            self.notify()
            await asyncio.sleep(1.0)
        server.stop()


class Manager(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured by our settings and nothing else."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self.directory = directory
        super().__init__()

    def load_config(self) -> None:
        settings = self.settings
        options: dict[str, Any] = {
            "bind": f"{settings.host}:{settings.port}",
            "workers": settings.web_concurrency,
            "worker_class": CallWorker,
            "graceful_timeout": int(settings.drain_s) + KILL_AFTER_DRAIN_S,
            "timeout": SILENT_WORKER_S,
            "backlog": 2048,
            "loglevel": "warning",
            "child_exit": self._worker_gone,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> None:
        """There is no WSGI application: the worker brings its own."""

    def _worker_gone(self, _: object, worker: Worker) -> None:
        """However it died, its calls are over."""
        registry = SqliteRegistry(self.directory / REGISTRY, time.time)
        registry.abandon(worker.pid)
        registry.close()


def run_workers(settings: Settings) -> None:
    """Serve with WEB_CONCURRENCY processes until SIGTERM or SIGINT."""
    directory = Path(tempfile.mkdtemp(prefix="heardline-"))
    manager = os.getpid()
    try:
        Manager(settings, directory).run()
    finally:
        if os.getpid() == manager:  # a worker that exits comes through here too
            shutil.rmtree(directory, ignore_errors=True)
