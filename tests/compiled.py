"""Compiled files of the tests and of what they test: kept, and made once for all processes of the runner."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def keep_compiled() -> None:
    """Let Python keep what it compiles, here and in the processes that are started, also where the environment says no.

    Else each of the runner's processes compiles every test anew, which is half a minute of work, and each command that
    a test starts the whole bot. What is kept lies in `__pycache__`, which git does not see.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def import_a_share(config: pytest.Config) -> None:
    """Import first what the runner's other processes do not: all of them collect every test, in the same order.

    In a fresh checkout they would compile the same files at the same time. So each finds most of them compiled. What
    can't be imported is told as it is collected.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    share = slice(int(worker["workerid"].removeprefix("gw")), None, worker["workercount"])
    for path in sorted(TESTS.rglob("test_*.py"))[share]:
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join((TESTS.name, *path.relative_to(TESTS).with_suffix("").parts)))
