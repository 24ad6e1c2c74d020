"""Runs the tools that one call asks for, each as a task, and gives their results back to the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from bot.call.inputs import Note, ToolDone
from bot.call.outputs import CancelTool, RunTool
from bot.tools import Result, SecretDigits, ToolContext


class RunsTools(Protocol):
    """The part of a Toolbox that a call needs."""

    async def run(self, name: str, arguments: str, context: ToolContext) -> Result: ...


class ToolRunner:
    """`on_note` gets a ToolDone for each tool that was run and not cancelled."""

    def __init__(self, toolbox: RunsTools, context: ToolContext, on_note: Callable[[Note], None]) -> None:
        self._toolbox = toolbox
        self._context = context
        self._on_note = on_note
        self._running: dict[str, asyncio.Task[None]] = {}

    def execute(self, order: RunTool | CancelTool, secret: str = "") -> None:
        """`secret`: what the caller has keyed in for the tool alone."""
        if isinstance(order, RunTool):
            context = replace(self._context, secret=SecretDigits(secret)) if secret else self._context
            task = asyncio.create_task(self._run(order, context), name=f"tool {order.name}")
            self._running[order.call_id] = task
        else:
            task_or_none = self._running.get(order.call_id)
            if task_or_none is not None:
                task_or_none.cancel()

    async def _run(self, order: RunTool, context: ToolContext) -> None:
        try:
            result = await self._toolbox.run(order.name, order.arguments, context)
            self._on_note(ToolDone(order.call_id, result.output, result.respond, result.ok, result.ran))
        finally:
            self._running.pop(order.call_id, None)

    async def finish(self) -> None:
        """The call is over: wait for the tools that are to be finished, which their timeouts bound. None is left."""
        tasks = list(self._running.values())
        if not tasks:
            return
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
