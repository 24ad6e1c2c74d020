"""Commands that are started, and the process of ours that starts them."""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO

import msgspec

from tests.warm.forking import LENGTH, ROOT, Wanted, exactly


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
) -> Started:
    """Start `bot` with these arguments and nothing to read; None: what it writes is lost."""
    told, telling = os.pipe()
    with Path(os.devnull).open("r+b") as nothing, os.fdopen(telling, "wb") as ending:
        files = [nothing, nothing if stdout is None else stdout, nothing if stderr is None else stderr, ending]
        wanted = Wanted(arguments, dict(env), str(cwd), start_new_session)
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
        command = [sys.executable, "-m", "tests.warm", str(theirs.fileno())]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._socket, self._turn = ours, threading.Lock()
        self._process = subprocess.Popen(command, cwd=ROOT, env=environ, pass_fds=[theirs.fileno()])
        theirs.close()

    def fork(self, wanted: Wanted, fds: list[int]) -> int:
        text = msgspec.json.encode(wanted)
        with self._turn:
            socket.send_fds(self._socket, [len(text).to_bytes(LENGTH)], fds)
            self._socket.sendall(text)
            return int.from_bytes(exactly(self._socket, LENGTH))

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
