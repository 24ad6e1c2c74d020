"""The process that forks commands: it has imported what they do, and done nothing else."""

from __future__ import annotations

import gc
import importlib
import os
import runpy
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
IMPORTED = (
    "bot.cli",
    "bot.console.routes",
    "bot.doctor.check",
    "bot.observe.logging",
    "bot.recording.replay",
    "bot.server.workers.serve",
    "bot.testing.commands.ring",
    "bot.views.stored.stored_commands",
)
LENGTH = 8
_FILES = 4
"""Standard input, output and error, and where the exit code is told."""


class Wanted(msgspec.Struct):
    """A command: what follows `bot`, and where."""

    arguments: tuple[str, ...]
    environ: dict[str, str]
    directory: str
    new_session: bool


def exactly(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return data


class _Forks:
    """Forks a process for each command that is wanted, and tells who wants it how that ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._telling: dict[int, int] = {}

    def run(self) -> None:
        """Serve until nobody wants anything more. Returns in each process that was forked, too, for its command."""
        signal.signal(signal.SIGCHLD, self._buried)
        while True:
            head, fds, _, _ = socket.recv_fds(self._connection, LENGTH, _FILES)
            if not head:
                sys.exit()
            head += exactly(self._connection, LENGTH - len(head))
            wanted = msgspec.json.decode(exactly(self._connection, int.from_bytes(head)), type=Wanted)
            if self._forked(wanted, fds):
                return

    def _forked(self, wanted: Wanted, fds: list[int]) -> bool:
        """Fork; true in the process that was forked, as of `os.fork`. One that ends at once is known by then."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid:
            *files, self._telling[pid] = fds
            for fd in files:
                os.close(fd)
        else:
            self._become(wanted, fds)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        if pid:
            self._connection.sendall(pid.to_bytes(LENGTH))
        return not pid

    def _buried(self, *_: object) -> None:
        while self._telling:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            telling = self._telling.pop(pid)
            os.write(telling, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(telling)

    def _become(self, wanted: Wanted, fds: list[int]) -> None:
        """Be, in a process that was just forked, as one that was started for this command."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if wanted.new_session:
            os.setsid()
        for number, fd in enumerate(fds[:3]):
            os.dup2(fd, number)
        self._connection.close()
        for fd in (*fds, *self._telling.values()):
            os.close(fd)
        os.chdir(wanted.directory)
        os.environ.clear()
        os.environ.update(wanted.environ)
        time.tzset()
        sys.argv[1:] = wanted.arguments
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)


def main() -> None:
    """Fork until nobody wants anything more, and be the command in each process that was forked."""
    for name in IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()
    _Forks(socket.socket(fileno=int(sys.argv[1]))).run()
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
