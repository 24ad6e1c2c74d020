"""Event loop of the tests: asyncio's own, whose insides tell what was left behind, or uvloop, as production.

Tests marked `both_loops` always run in both. `pytest --loop uvloop` or `--loop both` chooses for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

Factory = Callable[[], asyncio.AbstractEventLoop]


def _factories() -> dict[str, Factory]:
    factories: dict[str, Factory] = {"asyncio": asyncio.new_event_loop}
    try:
        import uvloop
    except ImportError:  # it has no build for some platforms
        return factories
    return factories | {"uvloop": uvloop.new_event_loop}


FACTORIES = _factories()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--loop", choices=[*FACTORIES, "both"], default="asyncio", help="the event loop of the tests")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_loops: runs in asyncio's event loop and in uvloop, whatever is asked for")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Factory]:
    chosen = config.getoption("--loop")
    if chosen == "both" or item.get_closest_marker("both_loops"):
        return FACTORIES
    return {chosen: FACTORIES[chosen]}
