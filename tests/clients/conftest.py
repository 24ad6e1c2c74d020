"""What the tests with other people's clients share: the agent, and a caller's words as the clients send them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from bot.audio import mulaw
from bot.audio.prompts import prompt
from bot.audio.resampling import Up
from bot.testing.model.server import SimulatedRealtimeServer
from tests.offline.conftest import agent, models

__all__ = ["agent", "models", "no_violations", "spoken"]
SILENCE_MS = 700


@pytest.fixture
def spoken() -> Callable[[str], bytes]:
    """A line of the demo's caller in 24 kHz PCM, with the silence that ends a turn."""
    return lambda name: Up()(mulaw.decode(prompt(name).audio)) + bytes(48 * SILENCE_MS)


@pytest.fixture(autouse=True)
async def no_violations(agent: SimulatedRealtimeServer) -> AsyncIterator[None]:
    """A client that is in use everywhere does nothing that the real server would refuse: if ours does, ours is wrong."""
    yield
    assert len(agent.sessions) == 1
    assert agent.sessions[0].violations == []
    assert agent.sessions[0].errors == []
