"""Processes that calls belong to, and the one judgement whether such a process is dead."""

from __future__ import annotations

import hashlib
import math
import os
import re
import socket
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

_STAT = re.compile(r"^\d+ \(.*\) (\S)(?: \S+){18} (\d+)", re.DOTALL)
"""Its state and the tick of the machine at which it began (proc_pid_stat(5), fields 3 and 22)."""
_GONE = frozenset("ZXx")


class Owner(NamedTuple):
    """A process. `name` is its own for all times and machines, `instance` that of its machine, for people."""

    name: str
    instance: str


def this_process() -> Owner:
    """The process that asks."""
    instance, pid = socket.gethostname(), os.getpid()
    began = _alive_since(pid) or str(time.time_ns())
    return Owner(f"{instance}/{_machine()}/{pid}/{began}", instance)


def is_dead(owner: str = "", *, silent_s: float = 0.0, longest_s: float = math.inf) -> bool:
    """True once the process has said nothing for too long, or is gone for certain.

    `silent_s` is the time since its last word, by a clock that both read (`bot.server.shared.processes`) or by the
    watcher's own (`Liveness`).
    """
    return silent_s > longest_s or _is_gone(owner)


def _is_gone(owner: str) -> bool:
    """True of a process that ran here, and does not any more.

    Of other machines, of other containers and of this one before it was started again nothing is certain.
    """
    machine = _machine()
    parts = owner.split("/")
    if not machine or len(parts) != 4 or parts[1] != machine or not parts[2].isdecimal():
        return False
    return _alive_since(int(parts[2])) != parts[3]


def _machine() -> str:
    """The scope of a process id: this run of the kernel, and this container of it. Empty: not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        where = boot + str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
    return hashlib.sha256(where.encode()).hexdigest()[:12]


def _alive_since(pid: int) -> str:
    """Start of a process, in the kernel's ticks; empty when it is not running."""
    try:
        found = _STAT.match(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return found[2] if found is not None and found[1] not in _GONE else ""


class Liveness:
    """Finds the dead among processes of several machines by watching them, for machines' clocks differ.

    A process is silent while what it last told has not changed; `longest_s` of the watcher's own time is too long.
    After a pause in the watch, as when the store was away for everybody, it begins anew: each first gets the chance to
    speak.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._seen: dict[str, tuple[object, float]] = {}
        self._looked_s: float | None = None

    def dead(self, told: Collection[tuple[str, object]], now_s: float) -> list[str]:
        """The dead among these owners. `told`: each with what it last told; `now_s` never runs backwards."""
        if self._looked_s is None or now_s - self._looked_s > self._longest_s:
            self._seen.clear()
        self._looked_s = now_s
        known, self._seen = self._seen, {}
        for owner, word in told:
            before = known.get(owner)
            self._seen[owner] = before if before is not None and before[0] == word else (word, now_s)
        return [
            owner
            for owner, (_, since_s) in self._seen.items()
            if is_dead(owner, silent_s=now_s - since_s, longest_s=self._longest_s)
        ]
