"""Tool timeouts: a tool that does not answer in its time is waited for no more, whatever became of it in the shell."""

from __future__ import annotations

from bot.call.rule import Rule
from bot.call.step import Step, part
from bot.call.tool_calls.function_calls import FunctionCalls


@part
class ToolTimeouts(Rule):
    """Each tool has its own, from when it was started."""

    _step: Step
    _functions: FunctionCalls

    def look(self) -> None:
        self.due_us = self._functions.calls.due_us

    def due(self) -> None:
        self._functions.overdue(self._step.now_us)
        self.look()
