"""Processes the rig starts: where they run, what they cost, and how they are steered and ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.config.settings_table import variables

ROOT = Path(__file__).parents[2]
REPLY_S = 120.0
END_S = 10.0
_CPUCLOCK_SCHED = 2
"""clock_getcpuclockid(3): the clock of a process counts what its threads ran, dead ones included, as schedstat does."""


class RigError(Exception):
    """Something the rig started does not do what it should. The text is for a person."""


class Process:
    """A child process, ended with the context."""

    def __init__(
        self,
        arguments: Iterable[str],
        *,
        name: str,
        log: Path,
        cores: frozenset[int] = frozenset(),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as errors:
            self._child = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**_inherited(), **(environment or {})},
            )
        if cores:
            os.sched_setaffinity(self._child.pid, cores)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    # ---- what it costs ----

    def cpu_ns(self) -> int:
        """CPU time of the process and its workers, all threads, in the kernel and out of it."""
        return sum(time.clock_gettime_ns((~pid << 3) | _CPUCLOCK_SCHED) for pid in _family(self._child.pid))

    def rss_bytes(self) -> int:
        """Resident memory of the process and its workers; what they share counts once for each."""
        return sum(_rss_bytes(pid) for pid in _family(self._child.pid))

    # ---- how it is steered ----

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command to a load generator and wait for its reply. Raises RigError."""
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            os.write(stdin.fileno(), json.dumps({"do": do, **arguments}).encode() + b"\n")
        except BrokenPipeError:
            raise self._failed(f"is gone (exit code {self._child.poll()})") from None
        answer = b""
        until_s = time.monotonic() + REPLY_S
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([stdout], [], [], max(0.0, until_s - time.monotonic()))
            piece = os.read(stdout.fileno(), 1 << 20) if ready else b""
            if not piece:
                raise self._failed(f"gave no reply to {do}")
            answer += piece
        reply: dict[str, Any] = json.loads(answer)
        if "error" in reply:
            raise self._failed(f"could not {do}: {reply['error']}")
        return reply

    def wait_for_port(self, port: int, within_s: float = 20.0) -> None:
        """Wait until it accepts connections. Raises RigError."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s and self._child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise self._failed("does not listen")

    def _failed(self, what: str) -> RigError:
        tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        return RigError("\n  ".join([f"{self.name} {what}; the end of {self.log}:", *tail]))


def _inherited() -> dict[str, str]:
    """Our environment without settings of the bot: a benchmark has its own."""
    ours = {name for setting in variables() for name in (setting, f"{setting}_FILE")}
    return {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("BOT_")}


def _family(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents = dict(_parents())
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sorted(family)


def _parents() -> Iterator[tuple[int, int]]:
    """Every process of the machine and its parent (proc_pid_stat(5): the fourth field, after the name in brackets)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            yield int(stat.parent.name), int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def _rss_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def free_port() -> int:
    """A port of loopback nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
