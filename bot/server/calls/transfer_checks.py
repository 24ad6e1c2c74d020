"""Questions whether a destination may be promised to the caller of one call, asked beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.call.inputs import TransferChecked
from bot.call.outputs import CheckTransfer

Refusal = Callable[[str], Awaitable[str]]
"""Gives the sentence on why a destination can't be promised; empty when it can."""
OUR_FAULT = "Transfers do not work at the moment."

_log = structlog.get_logger()


class TransferChecks:
    """Asks `refusal`, and tells the answer by `note`. Belongs to one call, and leaves no task behind."""

    def __init__(self, refusal: Refusal | None, note: Callable[[TransferChecked], None]) -> None:
        self._refusal = refusal
        self._note = note
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, order: CheckTransfer) -> None:
        """Ask about one destination."""
        task = asyncio.create_task(self._ask(order), name="check a transfer")
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    async def _ask(self, order: CheckTransfer) -> None:
        refused = OUR_FAULT
        try:
            if self._refusal is not None:
                refused = await self._refusal(order.destination)
        except Exception:  # noqa: BLE001  a defect of ours costs this transfer, not the call
            _log.exception("transfer_check_failed")
        self._note(TransferChecked(order.call_id, refused))

    async def close(self) -> None:
        """Ask nothing any more."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
