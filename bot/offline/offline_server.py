"""The offline agent behind a Realtime socket on this machine: for `bot model`, the demo, and `bot serve --offline`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.offline.hearing.offline_ears import OfflineEars
from bot.offline.mind.agent_script import GREETING, OFTEN
from bot.offline.mouth import Mouth
from bot.offline.offline_agent import OfflineAgent
from bot.testing.agent import Pacing
from bot.testing.commands.model_on_its_own import stand_in
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import Factory

_PACING = Pacing(first_audio_ms=0, first_delta_ms=100, delta_ms=200, speed=4.0)
_BEHAVIOUR = Behaviour(pacing=_PACING, transcription_usage="duration")


class OfflineModels:
    """Ears and mouth of all sessions of a process. They are loaded in threads, side by side, from the start on."""

    def __init__(self) -> None:
        self._ears, self._mouth = OfflineEars(), Mouth(warm=GREETING, ahead=OFTEN)
        self.loaded = (self._ears.loaded, self._mouth.loaded)

    def session(self, model: str) -> SimulatedModel:
        """A new session; once all is `loaded`."""
        agent = OfflineAgent(self._mouth)
        return SimulatedModel(agent, _BEHAVIOUR, model=model, ears=self._ears, keep_heard=False)

    def close(self) -> None:
        """Wait for what is being done, and begin nothing more."""
        self._ears.close()
        self._mouth.close()


@asynccontextmanager
async def offline_sessions() -> AsyncIterator[Factory]:
    """The maker of a server's sessions, once the models are there."""
    models = OfflineModels()
    try:
        await asyncio.gather(*map(asyncio.wrap_future, models.loaded))
        yield models.session
    finally:
        await asyncio.to_thread(models.close)


async def stand_in_offline(port: int, tell: Callable[[str], None]) -> None:
    """Serve the offline agent on this machine until SIGINT or SIGTERM. Raises OSError when the port is taken."""
    async with offline_sessions() as sessions:
        await stand_in(port, sessions, tell, who="The offline agent")
