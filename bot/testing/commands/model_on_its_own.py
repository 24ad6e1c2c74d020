"""`bot model`: a simulated Realtime server by itself, for a bot or any other client that has no key."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from bot.testing.commands.line_test import LineTestAgent
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import Factory, SimulatedRealtimeServer


async def stand_in(port: int, sessions: Factory, tell: Callable[[str], None], *, who: str) -> None:
    """Serve `sessions` on this machine until SIGINT or SIGTERM; `who` waits there. Raises OSError for a taken port."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with SimulatedRealtimeServer(sessions, port=port, keep_sessions=False) as server:
        tell(f"{who} waits for calls; Ctrl-C ends it. Start the bot, in another shell, with:")
        tell(f"OPENAI_REALTIME_URL={server.url}")
        tell("OPENAI_API_KEY=simulated-key")
        base = server.url.replace("ws:", "http:").removesuffix("/realtime")
        tell(f"Any other Realtime client takes the base URL {base} and any key.")
        await over.wait()


LINE_TEST = "The line test, which understands nothing,"


def line_test_session(model: str) -> SimulatedModel:
    """A session that transcribes nothing: nobody knows beforehand what a real caller will say."""
    return SimulatedModel(LineTestAgent(), Behaviour(), model=model, keep_heard=False)
