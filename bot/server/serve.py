"""`bot serve`: one process, or several under a manager."""

from __future__ import annotations

import asyncio
import os

from bot.config import Settings
from bot.observe.metrics import MULTIPROCESS_DIR
from bot.server.keeping import prepare
from bot.server.loop import run_in_loop
from bot.server.process import Server, deaf


def run(settings: Settings) -> None:
    """Serve, with settings that were judged ready, until told to stop. Raises CannotListen."""
    os.environ.pop(MULTIPROCESS_DIR, None)  # somebody else's: several processes get a directory of ours
    asyncio.run(prepare(settings))
    if settings.web_concurrency == 1:
        run_in_loop(_serve(settings))
        return
    from bot.server.worker import run_workers  # noqa: PLC0415  one process needs no manager

    run_workers(settings)


async def _serve(settings: Settings) -> None:
    await Server(settings, watched=True).run()
    deaf()
