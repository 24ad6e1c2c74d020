"""The client events a realtime session takes, and the shape of each (openai-realtime 3.1)."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.realtime.session import Dialect
from bot.testing.model.protocol import session_object
from bot.testing.model.protocol import shapes as is_
from bot.testing.model.protocol.refusal import Refused

Json = dict[str, Any]

_decode = msgspec.json.Decoder().decode
_head: dict[str, is_.Check] = {"type": is_.text, "event_id": is_.short_text(512)}
_bare = is_.obj(_head)
_append = is_.obj({**_head, "audio": is_.short_text(20 * 1024 * 1024)}, "audio")
"""15 MiB of audio is 20 MiB of base64."""
_by_item = is_.obj({**_head, "item_id": is_.text}, "item_id")
_metadata = is_.nullable(is_.mapping)
_response = is_.obj(
    {
        "instructions": is_.text,
        "output_modalities": session_object.modalities,
        "audio": is_.obj({"output": is_.obj({"format": session_object.audio_format, "voice": session_object.voice})}),
        "tools": is_.every(session_object.tool),
        "tool_choice": session_object.tool_choice,
        "parallel_tool_calls": is_.boolean,
        "reasoning": session_object.reasoning,
        "max_output_tokens": session_object.max_output_tokens,
        "conversation": is_.one_of("auto", "none"),
        "metadata": _metadata,
        "input": is_.every(is_.mapping),
        "prompt": is_.nullable(is_.mapping),
    }
)
_SHAPES: dict[str, is_.Check] = {
    "session.update": is_.obj({**_head, "session": is_.mapping}, "session"),
    "session.close": _bare,
    "input_audio_buffer.append": _append,
    "session.input_audio_buffer.append": _append,
    "input_audio_buffer.commit": _bare,
    "input_audio_buffer.clear": _bare,
    "conversation.item.create": is_.obj(
        {**_head, "item": is_.mapping, "previous_item_id": is_.nullable(is_.text)}, "item"
    ),
    "conversation.item.truncate": is_.obj(
        {**_head, "item_id": is_.text, "content_index": is_.integer(0), "audio_end_ms": is_.integer(0)},
        "item_id",
        "content_index",
        "audio_end_ms",
    ),
    "conversation.item.delete": _by_item,
    "conversation.item.retrieve": _by_item,
    "response.create": is_.obj({**_head, "response": _response}),
    "response.cancel": is_.obj({**_head, "response_id": is_.text}),
}

_UNKNOWN: dict[Dialect, frozenset[str]] = {"xai": frozenset({"conversation.item.truncate"})}
"""Client events that a dialect does not know (openai-realtime W8)."""


def parsed(text: str) -> Json:
    """The client event in `text`. Raises Refused: invalid_json, invalid_event."""
    try:
        message = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refused("invalid_json", "We could not parse the JSON body of your event.") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Refused("invalid_event", "The event must be an object with a 'type'.")
    return message


def check(message: Json, dialect: Dialect = "openai") -> None:
    """Raises Refused unless `message` is one of the dialect's events, in its shape: OpenAI has twelve."""
    unknown = _UNKNOWN.get(dialect, frozenset())
    shape = None if message["type"] in unknown else _SHAPES.get(message["type"])
    if shape is None:
        names = ", ".join(f"'{name}'" for name in _SHAPES if name not in unknown)
        raise Refused(
            "invalid_value", f"Invalid value: '{message['type']}'. Supported values are: {names}.", param="type"
        )
    shape(message, "")
