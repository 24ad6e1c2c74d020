"""`bot serve`: one process, or several under a manager."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from bot.config import Settings
from bot.config.profiles import Profiles
from bot.observe.metrics import MULTIPROCESS_DIR
from bot.server.bookkeeping.store_service import prepare
from bot.server.http.app_keys import Mount
from bot.server.workers.event_loop import run_in_loop
from bot.server.workers.operator_messages import OperatorMessages
from bot.server.workers.server_process import Server, ignore_stops


def run(settings: Settings, operator: OperatorMessages, profiles: Profiles, mounts: Sequence[Mount] = ()) -> None:
    """Serve, with settings that were judged ready, until told to stop. Raises CannotListen."""
    os.environ.pop(MULTIPROCESS_DIR, None)  # somebody else's: several processes get a directory of ours
    asyncio.run(prepare(settings))
    if settings.web_concurrency == 1:
        run_in_loop(_serve(settings, operator, profiles, mounts))
        return
    from bot.server.workers.gunicorn_worker import run_workers  # noqa: PLC0415  one process needs no manager

    run_workers(settings, operator, profiles, mounts)


async def _serve(settings: Settings, operator: OperatorMessages, profiles: Profiles, mounts: Sequence[Mount]) -> None:
    await Server(settings, operator=operator, profiles=profiles, mounts=mounts).run()
    ignore_stops()
