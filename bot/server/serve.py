"""`bot serve`: one process, or several under a manager."""

from __future__ import annotations

import asyncio
import os

from bot.config import Settings
from bot.observe.metrics import MULTIPROCESS_DIR
from bot.server.keeping import prepare
from bot.server.loop import run_in_loop
from bot.server.money import price_table
from bot.server.process import Server, deaf
from bot.twilio.twiml import TwimlFiles


def run(settings: Settings) -> None:
    """Serve until told to stop.

    Raises TwimlError for a wrong TwiML file, BadPrices for a wrong price file, StoreError for a store that can't be
    used here, and OSError when it can't listen.
    """
    os.environ.pop(MULTIPROCESS_DIR, None)  # somebody else's: several processes get a directory of ours
    asyncio.run(prepare(settings))
    if settings.web_concurrency == 1:
        run_in_loop(_serve(settings))
        return
    from bot.server.worker import run_workers  # noqa: PLC0415  one process needs no manager

    price_table(settings.prices)
    TwimlFiles(settings.twiml_dir)  # told once and in a sentence, rather than by each worker
    run_workers(settings)


async def _serve(settings: Settings) -> None:
    await Server(settings).run()
    deaf()
