"""The machine that figures were measured on, and the cores for subject, phone and model."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.rig_processes import ROOT

PACKAGES = ("heardline", "aiohttp", "websockets", "uvloop", "msgspec")


@dataclass(frozen=True)
class Cores:
    """Cores of each process; empty sets where there is only one core to share."""

    subject: frozenset[int]
    phone: frozenset[int]
    model: frozenset[int]


def cores() -> Cores:
    """The subject gets a core of its own, the generators what is left."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        return Cores(frozenset(), frozenset(), frozenset())
    return Cores(frozenset(mine[:1]), frozenset(mine[1:2]), frozenset(mine[2:3] or mine[1:2]))


def describe() -> dict[str, str]:
    """Machine, date and versions, as they head the results."""
    kernel = platform.uname()
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "kernel": f"{kernel.system} {kernel.release} {kernel.machine}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def allow_many_sockets() -> None:
    """Every process started from here may hold as many sockets as the system lets it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
