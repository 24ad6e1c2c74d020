"""The `bot` command in processes of its own that have its imports behind them, which are most of a start's work.

One process has imported what the commands do, and done nothing else. It forks another for each command, which has its
own environment, directory, files and session, ends as any program of Python does, and is gone with its exit code. That
a command starts from nothing, and what it imports, is for the tests of single commands.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO

import msgspec

ROOT = Path(__file__).parents[1]
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
_LENGTH = 8
_FILES = 4
"""Standard input, output and error, and where the exit code is told."""


class Wanted(msgspec.Struct):
    """A command: what follows `bot`, and where. `strict`: each warning is an error, as of `python -W error`."""

    arguments: tuple[str, ...]
    environ: dict[str, str]
    directory: str
    new_session: bool
    strict: bool


class Started:
    """A command that was started, to be waited for and sent signals as a subprocess.Popen is."""

    def __init__(self, pid: int, told: IO[bytes]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._told = told

    def poll(self) -> int | None:
        """Exit code once the process is gone; that of a signal is negative."""
        return self._take(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._take(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("bot", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _take(self, within_s: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], within_s)[0]:
            with self._told:
                self.returncode = int(self._told.read())
        return self.returncode


def start(
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path = ROOT,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int | None = None,
    start_new_session: bool = False,
    strict: bool = False,
) -> Started:
    """Start `bot` with these arguments and nothing to read; None: what it writes is lost."""
    told, telling = os.pipe()
    with Path(os.devnull).open("r+b") as nothing, os.fdopen(telling, "wb") as ending:
        files = [nothing, nothing if stdout is None else stdout, nothing if stderr is None else stderr, ending]
        wanted = Wanted(arguments, dict(env), str(cwd), start_new_session, strict)
        pid = _warm().fork(wanted, [file if isinstance(file, int) else file.fileno() for file in files])
    return Started(pid, os.fdopen(told, "rb"))


class Heard:
    """A command that was started, and what it writes."""

    def __init__(self, *arguments: str, env: Mapping[str, str], cwd: Path = ROOT) -> None:
        self._arguments = arguments
        self._files = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  `out` closes them
        out, err = self._files
        self._process = start(*arguments, env=env, cwd=cwd, stdout=out, stderr=err)

    def out(self) -> subprocess.CompletedProcess[str]:
        """Wait until the process is gone: its exit code, and all that it wrote."""
        code, texts = self._process.wait(), []
        for file in self._files:
            with file:
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(self._arguments, code, *texts)


def run(*arguments: str, env: Mapping[str, str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `bot` with these arguments to its end."""
    return Heard(*arguments, env=env, cwd=cwd).out()


class _Warm:
    """The process that forks, from outside."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.warm_bot", str(theirs.fileno())]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._socket, self._turn = ours, threading.Lock()
        self._process = subprocess.Popen(command, cwd=ROOT, env=environ, pass_fds=[theirs.fileno()])
        theirs.close()

    def fork(self, wanted: Wanted, fds: list[int]) -> int:
        text = msgspec.json.encode(wanted)
        with self._turn:
            socket.send_fds(self._socket, [len(text).to_bytes(_LENGTH)], fds)
            self._socket.sendall(text)
            return int.from_bytes(_exactly(self._socket, _LENGTH))

    def end(self) -> None:
        self._socket.close()
        self._process.wait()


@cache
def _warm() -> _Warm:
    """The process of this one, made for the first command."""
    warm = _Warm()
    atexit.register(warm.end)
    return warm


def ready() -> None:
    """Have that process made now, and not in the middle of a test that counts sockets."""
    _warm()


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return data


# ---- the process that forks ----


class _Forks:
    """Forks a process for each command that is wanted, and tells who wants it how that ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._telling: dict[int, int] = {}

    def run(self) -> None:
        """Serve until nobody wants anything more. Returns in each process that was forked, too, for its command."""
        signal.signal(signal.SIGCHLD, self._buried)
        while True:
            try:
                head, fds, _, _ = socket.recv_fds(self._connection, _LENGTH, _FILES)
                head += _exactly(self._connection, _LENGTH - len(head)) if head else b""
                wanted = msgspec.json.decode(_exactly(self._connection, int.from_bytes(head)), type=Wanted)
            except (EOFError, ConnectionError):
                sys.exit()
            if not head:
                sys.exit()
            if self._forked(wanted, fds):
                return

    def _forked(self, wanted: Wanted, fds: list[int]) -> bool:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if not pid:
            self._become(wanted, fds)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        if not pid:
            return True
        *files, telling = fds
        self._telling[pid] = telling
        for fd in files:
            os.close(fd)
        self._connection.sendall(pid.to_bytes(_LENGTH))
        return False

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
        if wanted.strict:
            warnings.simplefilter("error")


def _main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()
    _Forks(socket.socket(fileno=int(sys.argv[1]))).run()
    runpy.run_module("bot", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
