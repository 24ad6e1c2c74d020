"""`bot demo --page`: the demo's server with its pages, for a person to call from a browser, without key or phone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from bot.console.routes import console
from bot.observe import logging
from bot.testing.commands.demo import Cast, rehearsal_server


async def serve_pages(directory: Path, cast: Cast, port: int, tell: Callable[[str], None]) -> None:
    """Serve on this machine until SIGINT or SIGTERM; calls are kept in `directory`. Raises OSError for a taken port."""
    logging.configure("warning", "console")
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with (
        cast.sessions() as sessions,
        rehearsal_server(directory, sessions, port=port, mounts=[console], model=cast.model) as (_, settings),
    ):
        tell(f"Call the bot from a browser:  {settings.public_url}/softphone")
        tell(f"See it as an operator does:   {settings.public_url}/console")
        tell("Ctrl-C ends it.")
        await over.wait()
