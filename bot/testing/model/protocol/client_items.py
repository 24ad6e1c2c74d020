"""Items a client makes with conversation.item.create: their shapes, the entries they become (openai-realtime 3.1)."""

from __future__ import annotations

import binascii
from typing import Any

from bot.testing.model.protocol import shapes as is_
from bot.testing.model.protocol.codec import BYTES_PER_MS
from bot.testing.model.protocol.default_conversation import Conversation, Entry
from bot.testing.model.protocol.refusal import Refused, wrong_value

Json = dict[str, Any]

MAX_ID_CHARS = 32
MAX_TEXT_CHARS = 256_000

_head: dict[str, is_.Check] = {
    "id": is_.short_text(MAX_ID_CHARS),
    "type": is_.text,
    "object": is_.one_of("realtime.item"),
    "status": is_.one_of("in_progress", "completed", "incomplete"),
}
_words = is_.obj({"type": is_.text, "text": is_.short_text(MAX_TEXT_CHARS)}, "text")
_system = is_.every(is_.tagged({"input_text": _words}))
_user = is_.every(
    is_.tagged(
        {
            "input_text": _words,
            "input_audio": is_.obj({"type": is_.text, "audio": is_.text, "transcript": is_.text}, "audio"),
            "input_image": is_.obj({"type": is_.text, "image_url": is_.text, "detail": is_.text}, "image_url"),
        }
    )
)
_assistant = is_.every(is_.tagged({"output_text": _words}))
"""Parts of a client's assistant message: no output_audio, a client cannot create assistant audio."""
_message = is_.tagged(
    {
        role: is_.obj({**_head, "role": is_.text, "content": content}, "content")
        for role, content in (("system", _system), ("user", _user), ("assistant", _assistant))
    },
    tag="role",
)
_item = is_.tagged(
    {
        "message": _message,
        "function_call": is_.obj(
            {**_head, "name": is_.text, "call_id": is_.text, "arguments": is_.text}, "name", "arguments"
        ),
        "function_call_output": is_.obj({**_head, "call_id": is_.text, "output": is_.text}, "call_id", "output"),
        "mcp_approval_response": is_.mapping,
    }
)


def decoded(audio: str, param: str) -> bytes:
    """Bytes of strict base64, or Refused."""
    try:
        return binascii.a2b_base64(audio, strict_mode=True)
    except ValueError:
        raise wrong_value(param, "base64-encoded audio bytes") from None


def created(item: Json, new_id: str, conversation: Conversation, input_format: str) -> Entry:
    """The entry for a client's `item`; `new_id` is used when it brings none. Raises Refused."""
    _item(item, "item")
    kind = item["type"]
    if kind == "function_call_output" and not conversation.has_call(item["call_id"]):
        message = f"Tool call ID '{item['call_id']}' not found in conversation."
        raise Refused("invalid_tool_call_id", message, "item.call_id")
    body = {key: value for key, value in item.items() if key not in {"id", "type", "role", "status", "object"}}
    if kind == "function_call":
        body.setdefault("call_id", new_id.replace("item", "call"))
    entry = Entry(
        id=item.get("id", new_id),
        type=kind,
        role=item.get("role", ""),
        status="completed",
        body=body,
        done=True,
        bytes_per_ms=BYTES_PER_MS[input_format],
    )
    for at, part in enumerate(body.get("content", ())):
        if part["type"] == "input_audio":
            entry.audio_bytes += len(decoded(part.pop("audio"), f"item.content[{at}].audio"))
    return entry
