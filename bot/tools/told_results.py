"""From what a tool returned to what the model is told."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_json

from bot.tools.contract import Result, Silent, ToolError

MAX_CHARS = 32_000
"""Some 8,000 tokens, which every later response is billed for."""
CUT = " (cut here: it is longer)"


def result_of(returned: Any) -> Result:
    """The result of a tool. Text beyond a bound is cut; other things that long are refused, since half is no JSON."""
    respond = not isinstance(returned, Silent)
    value = returned.result if isinstance(returned, Silent) else returned
    if isinstance(value, str) and len(value) > MAX_CHARS:
        value = value[: MAX_CHARS - len(CUT)] + CUT
    if value is None or isinstance(value, str):
        return Result(json.dumps({"result": "done" if value is None else value}), respond)
    text = to_json(value, inf_nan_mode="null").decode()
    if len(text) > MAX_CHARS:
        raise ToolError("The result is too long to be told. Ask for less, if this can be asked for in parts.")
    return Result(text, respond)
