"""Events of a dialect's server, as tables: a row an event, a row an item in each place it is shown in.

The rows are those of recorded servers (openai-realtime 12), and a test holds them to the recordings. What
nobody has recorded is taken from openai-realtime 3. An event without a row is a fault of the simulator; one with None
is an event which that server never sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from bot.realtime.session import Dialect

Json = dict[str, Any]
Place = Literal["listed", "output", "made"]
"""Places where an item is shown: conversation.item.*, response.output_item.*, the output of response.done."""


class Row(NamedTuple):
    """The keys taken from what is known (`maybe`: only where it is), those that are always the same, and those made."""

    keys: tuple[str, ...]
    always: Json
    maybe: tuple[str, ...] = ()
    made: tuple[tuple[str, Callable[[Json], Any]], ...] = ()
    plain: bool = False
    """True when it has its keys and nothing else: what is known may be all of it."""

    def filled(self, known: Json) -> Json:
        if self.plain and len(known) == len(self.keys):
            return known
        said = {key: known[key] for key in self.keys}
        for key in self.maybe:
            if known.get(key) is not None:
                said[key] = known[key]
        said.update(self.always)
        for key, make in self.made:
            said[key] = make(said)
        return said


def _row(keys: str, made: Mapping[str, Callable[[Json], Any]] | None = None, **always: Any) -> Row:
    names = keys.split()
    maybe = tuple(name[:-1] for name in names if name.endswith("?"))
    certain = tuple(name for name in names if not name.endswith("?"))
    return Row(certain, always, maybe, tuple((made or {}).items()), plain=not (always or maybe or made))


class Wire(NamedTuple):
    """One dialect. `tail`: in which order the parts of a message end. `reasons`: the model is of the family that does.

    `item_done` false: a user's item begins with its speech and no item is said to be done. `calls_early`: a function
    is called before the message that stands before it is done. `one_index`: every output has the index 0.
    """

    events: Mapping[str, Row | None]
    items: Mapping[Place, Mapping[str, Row]]
    response: Row
    tail: tuple[str, ...] = ("audio", "transcript", "text", "part")
    spoken_part: Mapping[Place, str] = {"listed": "output_audio", "output": "output_audio", "made": "output_audio"}
    unheard_words: str | None = None
    """The transcript of a caller's item whose words are not known."""
    item_done: bool = True
    one_index: bool = False
    messages_follow: bool = False
    """True when only messages, of the items in the conversation, name the one before them."""
    reasons: bool = False

    @property
    def calls_early(self) -> bool:
        return self.reasons

    def says(self, kind: str) -> bool:
        return self.events[kind] is not None

    def follows(self, kind: str, before: str | None) -> str | None:
        """The item that conversation.item.added names as the one before an item of this type."""
        return None if self.messages_follow and kind != "message" else before

    def item(self, place: Place, known: Json) -> Json:
        """An item as it is shown there."""
        rows = self.items[place]
        return rows.get(known["type"], rows[""]).filled(known)


# ---- OpenAI's, and Azure's -------------------------------------------------------------------------------------------


def _padding(said: Json) -> str:
    """`obfuscation`: so long that the two are always as long as each other's multiple of 16."""
    return "x" * (16 - len(said["delta"]) % 16)


_PART = "response_id item_id output_index content_index"
_CALL = "response_id item_id output_index call_id"
_HEARD = "item_id content_index"
_PADDED = {"obfuscation": _padding}
_TRANSCRIPTION = "conversation.item.input_audio_transcription"

_OPENAI: dict[str, Row | None] = {
    "session.created": _row("session"),
    "session.updated": _row("session"),
    "conversation.created": None,
    "ping": None,
    "error": _row("error"),
    "input_audio_buffer.speech_started": _row("audio_start_ms item_id"),
    "input_audio_buffer.speech_stopped": _row("audio_end_ms item_id"),
    "input_audio_buffer.committed": _row("previous_item_id item_id"),
    "input_audio_buffer.cleared": _row(""),
    "conversation.item.added": _row("previous_item_id item"),
    "conversation.item.done": _row("previous_item_id item"),
    "conversation.item.truncated": _row("item_id content_index audio_end_ms"),
    "conversation.item.deleted": _row("item_id"),
    "conversation.item.retrieved": _row("item"),
    f"{_TRANSCRIPTION}.delta": _row(f"{_HEARD} delta", _PADDED),
    f"{_TRANSCRIPTION}.updated": None,
    f"{_TRANSCRIPTION}.completed": _row(f"{_HEARD} transcript usage"),
    f"{_TRANSCRIPTION}.failed": _row(f"{_HEARD} error"),
    "response.created": _row("response"),
    "response.output_item.added": _row("response_id output_index item"),
    "response.output_item.done": _row("response_id output_index item"),
    "response.content_part.added": _row(f"{_PART} part"),
    "response.content_part.done": _row(f"{_PART} part"),
    "response.output_audio.delta": _row(f"{_PART} delta"),
    "response.output_audio.done": _row(_PART),
    "response.output_audio_transcript.delta": _row(f"{_PART} delta", _PADDED),
    "response.output_audio_transcript.done": _row(f"{_PART} transcript"),
    "response.output_text.delta": _row(f"{_PART} delta", _PADDED),
    "response.output_text.done": _row(f"{_PART} text"),
    "response.function_call_arguments.delta": _row(f"{_CALL} delta", _PADDED),
    "response.function_call_arguments.done": _row(f"{_CALL} name arguments"),
    "response.mcp_call_arguments.delta": _row("response_id item_id output_index delta", _PADDED),
    "response.mcp_call_arguments.done": _row("response_id item_id output_index arguments"),
    "response.mcp_call.in_progress": _row("item_id output_index"),
    "response.mcp_call.completed": _row("item_id output_index"),
    "response.mcp_call.failed": _row("item_id output_index"),
    "mcp_list_tools.in_progress": _row("item_id"),
    "mcp_list_tools.completed": _row("item_id"),
    "mcp_list_tools.failed": _row("item_id"),
    "response.done": _row("response"),
    "rate_limits.updated": _row("rate_limits"),
}
_BESIDE = {"content": lambda said: said["part"]}
_AZURE: dict[str, Row | None] = {
    **_OPENAI,
    "response.content_part.added": _row(f"{_PART} part", _BESIDE),
    "response.content_part.done": _row(f"{_PART} part", _BESIDE),
    "rate_limits.updated": None,
}
_ITEMS = {
    "message": _row("id type status role content phase?"),
    "function_call": _row("id type status name call_id arguments"),
    "function_call_output": _row("id type call_id output"),
    "mcp_list_tools": _row("id type server_label tools"),
    "mcp_call": _row("id type server_label name arguments output? error? approval_request_id?"),
    "mcp_approval_request": _row("id type server_label name arguments"),
    "mcp_approval_response": _row("id type approval_request_id approve reason?"),
    "": _row("id type"),
}
_RESPONSE = _row(
    "id status status_details output conversation_id output_modalities max_output_tokens audio usage metadata",
    object="realtime.response",
)

# ---- xAI's -----------------------------------------------------------------------------------------------------------

_NOTHING_BEFORE: Json = {"previous_item_id": None}
"""Field of every event of xAI's but the first, whatever it is about."""


def _xai(keys: str) -> Row:
    return _row(keys, **_NOTHING_BEFORE)


_SOUND = "item_id response_id content_index output_index"
_XAI: dict[str, Row | None] = {
    "session.created": _row("session"),
    "session.updated": _xai("session"),
    "conversation.created": _xai("conversation"),
    "ping": _xai("timestamp"),
    "error": _xai("error"),
    "input_audio_buffer.speech_started": _xai("item_id audio_start_ms"),
    "input_audio_buffer.speech_stopped": _xai("item_id audio_end_ms"),
    "input_audio_buffer.committed": _xai("item_id"),
    "input_audio_buffer.cleared": _xai(""),
    "conversation.item.added": _row("item previous_item_id"),
    "conversation.item.done": None,
    "conversation.item.truncated": None,
    "conversation.item.deleted": _xai("item_id"),
    "conversation.item.retrieved": _xai("item"),
    f"{_TRANSCRIPTION}.delta": None,
    f"{_TRANSCRIPTION}.updated": _xai("item_id transcript content_index"),
    f"{_TRANSCRIPTION}.completed": _xai("item_id transcript content_index status"),
    f"{_TRANSCRIPTION}.failed": _xai("item_id content_index error"),
    "response.created": _xai("response"),
    "response.output_item.added": _xai("item response_id output_index"),
    "response.output_item.done": _xai("item response_id output_index"),
    "response.content_part.added": _row(f"{_SOUND} part", previous_item_id="0"),
    "response.content_part.done": _xai(_SOUND),
    "response.output_audio.delta": _xai(f"{_SOUND} delta rid latency? audio_duration_ms ts"),
    "response.output_audio.done": _xai(_SOUND),
    "response.output_audio_transcript.delta": _xai(f"{_SOUND} delta rid start_time"),
    "response.output_audio_transcript.done": _xai(f"{_SOUND} transcript"),
    "response.output_text.delta": _xai(f"{_SOUND} delta"),
    "response.output_text.done": _xai(f"{_SOUND} text"),
    "response.function_call_arguments.delta": _xai("item_id response_id delta call_id"),
    "response.function_call_arguments.done": _xai("item_id response_id output_index call_id name arguments"),
    "response.mcp_call_arguments.delta": None,
    "response.mcp_call_arguments.done": None,
    "response.mcp_call.in_progress": None,
    "response.mcp_call.completed": None,
    "response.mcp_call.failed": None,
    "mcp_list_tools.in_progress": None,
    "mcp_list_tools.completed": None,
    "mcp_list_tools.failed": None,
    "response.done": _xai("response response_id usage"),
    "rate_limits.updated": None,
}
_OBJECT: Json = {"object": "realtime.item"}


def _xai_items(message: str, caller_of_tools: str) -> dict[str, Row]:
    return {
        "message": _row(f"id type status role {message}", **_OBJECT),
        "function_call": _row("id type status call_id name arguments", **_OBJECT, role=caller_of_tools),
        "function_call_output": _row("id type status call_id output", **_OBJECT, role="tool"),
        "": _row("id type status", **_OBJECT),
    }


_XAI_WIRE = Wire(
    _XAI,
    {
        "listed": _xai_items("content", "tool"),
        "output": _xai_items("", "user"),
        "made": _xai_items("content", "user"),
    },
    _row("id output status", object="realtime.response", status_details="unimplemented", usage={}),
    tail=("transcript", "text", "part", "audio"),
    spoken_part={"listed": "output_audio", "output": "output_audio", "made": "audio"},
    unheard_words="",
    item_done=False,
    one_index=True,
    messages_follow=True,
)


def wire_of(dialect: Dialect, *, reasons: bool) -> Wire:
    """The events of a server of this dialect, for a session whose model reasons, or does not."""
    if dialect == "xai":
        return _XAI_WIRE
    rows = _AZURE if dialect == "azure" else _OPENAI
    return Wire(rows, dict.fromkeys(("listed", "output", "made"), _ITEMS), _RESPONSE, reasons=reasons)


PLAIN = wire_of("openai", reasons=False)
