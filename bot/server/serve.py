"""`bot serve`: one process, or several under a manager."""

from __future__ import annotations

import os

from bot.config import Settings
from bot.observe.metrics import MULTIPROCESS_DIR
from bot.server.loop import run_in_loop
from bot.server.process import Server
from bot.twilio.twiml import TwimlFiles


def run(settings: Settings) -> None:
    """Serve until told to stop. Raises TwimlError for a wrong TwiML file and OSError when it can't listen."""
    os.environ.pop(MULTIPROCESS_DIR, None)  # somebody else's: several processes get a directory of ours
    if settings.web_concurrency == 1:
        run_in_loop(Server(settings).run())
        return
    from bot.server.worker import run_workers  # noqa: PLC0415  one process needs no manager

    TwimlFiles(settings.twiml_dir)  # told once and in a sentence, rather than by each worker
    run_workers(settings)
