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


def result_of(words: str) -> str:
    """The output of a function call that is a sentence: JSON in a string."""
    return json.dumps({"result": words})


def words_of(output: str) -> str:
    """The sentence that such an output is."""
    return str(json.loads(output)["result"])


def function_call_output(call_id: str, output: str) -> dict[str, Any]:
    """The answer to a function call."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def function_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """A function call as a session is told it that did not make it."""
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
