"""The offline agent's server, for the tests that talk with it; they are skipped where the extra is not installed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bot.offline.installed import is_installed
from bot.testing.model.server import SimulatedRealtimeServer


@pytest.fixture(scope="session")
def models() -> Iterator[Any]:
    """The agent's models, loaded once. Skips where they are not installed."""
    if not is_installed():
        pytest.skip("the extra `offline` is not installed")
    from bot.offline.offline_server import OfflineModels

    loaded = OfflineModels()
    for one in loaded.loaded:
        one.result()
    yield loaded
    loaded.close()


@pytest.fixture
async def agent(models: Any) -> AsyncIterator[SimulatedRealtimeServer]:
    """The agent on a socket."""
    async with SimulatedRealtimeServer(models.session) as server:
        yield server
