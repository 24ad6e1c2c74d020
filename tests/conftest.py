"""Fixtures that tests of several packages share."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
import typer.testing
from hypothesis import HealthCheck, settings

from tests.compiled import import_a_share, keep_compiled
from tests.event_loops import pytest_addoption, pytest_asyncio_loop_factories, pytest_configure
from tests.logging_state import logging_as_before
from tests.postgres import NoPostgres, Server, running
from tests.sampled import mark_the_rest_slow

__all__ = ["logging_as_before", "pytest_addoption", "pytest_asyncio_loop_factories", "pytest_configure"]

keep_compiled()
typer.testing._get_command = cache(
    typer.testing._get_command
)  # made of the same functions for each of a thousand commands
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell in the background has it so, and commands inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)

SLOW_LIMIT_S = 3600
"""A slow test that takes longer hangs; all others have the limit of pyproject.toml."""


def pytest_report_header() -> str:
    """Say how long the suite takes, before anybody waits for it."""
    return f"the whole suite: about 6 minutes on two cores with nothing else to do; here are {os.cpu_count()}"


PACED = frozenset({"server", "transfers", "faults", "hostile", "proof", "offline", "console", "clients", "benchmarks"})
"""Areas whose tests hold calls over real sockets, in real time."""


def pytest_collection(session: pytest.Session) -> None:
    gc.disable()  # all that is made now stays
    import_a_share(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_the_rest_slow(items)
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in PACED:
            item.add_marker(pytest.mark.paced)
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(SLOW_LIMIT_S))


def pytest_collection_finish() -> None:
    """The thousands of tests stay to the end: no later pass of the garbage collector looks through them again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, started for the first test that wants one. Skips where none is installed."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running())
        except NoPostgres as why:
            pytest.skip(str(why))
        yield server
