"""Calling off a tool that runs, because the caller wants it no more.

The caller says so in words of their own, so it is the model that understands it and calls this built-in function. It
costs a short entry among the session's tools, and only where there are tools to call off.
"""

from __future__ import annotations

from typing import Any

from bot.call.step import Step, part
from bot.call.tool_calls.asked_calls import FunctionCall
from bot.call.tool_calls.function_calls import FunctionCalls
from bot.realtime.session import FunctionTool

CANCEL_TOOL = "cancel_tool"
NOTHING_RUNS = "Nothing of that name is running, so there was nothing to call off: it may be done already."
CALLED_OFF = "Called off: {names}."
NO_MORE = "The caller called this off while it was running. It may or may not have been done."


def cancel_tool(names: list[str], *, others: bool = False) -> FunctionTool:
    """The function as the model is told of it, in a session with these tools; `others`: and further ones."""
    name: dict[str, Any] = {"type": "string", "description": "The function to call off."}
    if not others:
        name["enum"] = names
    parameters: dict[str, Any] = {"type": "object", "properties": {"name": name}, "required": ["name"]}
    words = "Call off a function that is still running, when the caller no longer wants it or does not want to wait."
    return FunctionTool(CANCEL_TOOL, words, parameters)


@part
class CancelTools:
    """The built-in function `cancel_tool`."""

    name = CANCEL_TOOL

    _step: Step
    _functions: FunctionCalls

    def called(self, call: FunctionCall) -> None:
        wanted = (call.parsed(dict) or {}).get("name")
        wanted = wanted if isinstance(wanted, str) else ""  # all that runs
        calls = [one for one in self._functions.calls.open if one.rules is not None and wanted in {one.name, ""}]
        for one in calls:
            self._step.report("tool_called_off", tool=one.name)
            self._functions.cancel(one, "called_off", NO_MORE)
        names = ", ".join(sorted({one.name for one in calls}))
        self._functions.answer(call.call_id, CALLED_OFF.format(names=names) if calls else NOTHING_RUNS)
