"""What tests of several packages share."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.event_loops import pytest_addoption, pytest_asyncio_loop_factories, pytest_configure
from tests.logging_state import logging_as_before
from tests.postgres import NoPostgres, Server, running

__all__ = ["logging_as_before", "pytest_addoption", "pytest_asyncio_loop_factories", "pytest_configure"]


def pytest_collection_finish() -> None:
    """The thousands of tests stay to the end: no later pass of the garbage collector looks through them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, started for the first test that wants one. Skips where none is installed."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running())
        except NoPostgres as why:
            pytest.skip(str(why))
        yield server
