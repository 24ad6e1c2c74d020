"""Conversation items as they are made by a client (openai-realtime 3.1): the one place that knows their shapes."""

from __future__ import annotations

import json
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]


def message(item_id: str, role: Role, *, text: str = "", audio: str = "") -> dict[str, Any]:
    """A message of one content: `text`, or else `audio` of the user, base64 in the session's input format."""
    content = {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    if audio and not text:
        content = {"type": "input_audio", "audio": audio}
    return {"id": item_id, "type": "message", "role": role, "content": [content]}


def function_call_output(call_id: str, result: str) -> dict[str, Any]:
    """The answer to a function call: JSON in a string."""
    return {"type": "function_call_output", "call_id": call_id, "output": json.dumps({"result": result})}
