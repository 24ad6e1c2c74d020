"""The default conversation: its items in order, and how much of each the model remembers (openai-realtime 3, 4, 6)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bot.testing.model.protocol.refusal import Refused
from bot.testing.model.protocol.server_events import PLAIN, Place, Wire

Json = dict[str, Any]
ROOT = "root"


class Memory(NamedTuple):
    """One item as the model remembers it. `audio_ms` is after truncation."""

    role: str
    item_id: str
    audio_ms: int
    truncated: bool


@dataclass(slots=True)
class Entry:
    """One item. `audio` is in the session's format at `bytes_per_ms`; of it `audio_bytes` exist so far.

    `done` once its conversation.item.done has left; `kept_ms` is set by a truncation.
    """

    id: str
    type: str
    role: str = ""
    status: str = "in_progress"
    body: Json = field(default_factory=dict)
    part: str = ""
    text: str | None = None
    audio: bytes = b""
    audio_bytes: int = 0
    bytes_per_ms: int = 8
    done: bool = False
    kept_ms: int | None = None
    phase: str | None = None

    @property
    def audio_ms(self) -> int:
        made = self.audio_bytes // self.bytes_per_ms
        return made if self.kept_ms is None else min(made, self.kept_ms)

    def shown(self, wire: Wire, place: Place = "listed", *, audio: bool = False) -> Json:
        """The item as the dialect's events carry it there: without its audio, but for conversation.item.retrieved."""
        known = {**self.body, "id": self.id, "type": self.type, "status": self.status}
        if self.type == "message":
            known |= {"role": self.role, "content": self.content(wire, place, audio=audio), "phase": self.phase}
        return wire.item(place, known)

    def content(self, wire: Wire = PLAIN, place: Place = "listed", *, audio: bool = False) -> list[Json]:
        if not self.part:
            return list(self.body.get("content", []))
        if self.part == "input_audio":
            content: Json = {"type": self.part, "transcript": self.text or wire.unheard_words}
        elif self.status == "in_progress":
            return []
        elif self.part == "output_text":
            return [{"type": self.part, "text": self.text}]
        else:
            content = {"type": wire.spoken_part[place], "transcript": self.text}
        if audio:
            content["audio"] = base64.b64encode(self.audio[: self.audio_ms * self.bytes_per_ms]).decode()
        return [content]


class Conversation:
    def __init__(self) -> None:
        self._order: list[str] = []
        self._entries: dict[str, Entry] = {}

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return (self._entries[item_id] for item_id in self._order)

    def add(self, entry: Entry, after: str | None = None) -> str | None:
        """Put `entry` at the end, or `after` an item or "root"; the id before it, None at the start."""
        if entry.id in self._entries:
            raise Refused("item_create_duplicate_item_id", f"Item with id '{entry.id}' already exists.", "item.id")
        at = len(self._order)
        if after == ROOT:
            at = 0
        elif after is not None:
            if after not in self._entries:
                message = f"Previous item with id '{after}' not found in conversation."
                raise Refused("item_create_invalid_previous_item_id", message, "previous_item_id")
            at = self._order.index(after) + 1
        self._order.insert(at, entry.id)
        self._entries[entry.id] = entry
        return self._order[at - 1] if at else None

    def before(self, item_id: str) -> str | None:
        """The id of the item before `item_id`, once an item of the model's is done: the very first counts as none.

        So it is in every recording, though conversation.item.added names that one too.
        """
        at = self._order.index(item_id) if item_id in self._entries else 0
        return self._order[at - 1] if at > 1 else None

    @property
    def last(self) -> str | None:
        """The id of the last item."""
        return self._order[-1] if self._order else None

    def find(self, item_id: str, doing: str) -> Entry:
        """The item, or the refusal for `doing`: truncate, delete or retrieve."""
        entry = self._entries.get(item_id)
        if entry is None:
            message = f"Error: cannot {doing}: the item with id '{item_id}' does not exist."
            raise Refused(f"item_{doing}_invalid_item_id", message, "item_id")
        return entry

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Forget what lies beyond `audio_end_ms`; the text of a truncated item goes with it (openai-realtime 4)."""
        entry = self.find(item_id, "truncate")
        if entry.role != "assistant" or entry.part != "output_audio":
            message = f"Only model output audio messages can be truncated, '{item_id}' is none."
            raise Refused("invalid_value", message, "item_id")
        if content_index != 0:
            raise Refused("invalid_value", f"Content index {content_index} does not exist.", "content_index")
        if audio_end_ms > entry.audio_ms:
            message = f"Audio content of {entry.audio_ms}ms is already shorter than {audio_end_ms}ms"
            raise Refused("invalid_value", message, "audio_end_ms")
        entry.kept_ms = audio_end_ms
        entry.text = ""

    def delete(self, item_id: str) -> Entry:
        """Forget an item. One still being generated is refused: whether the real server takes that is unknown, and a
        good client waits for its conversation.item.done or the response.done.
        """
        entry = self.find(item_id, "delete")
        if not entry.done:
            raise Refused("item_delete_invalid_item_id", f"Item '{item_id}' is still being generated.", "item_id")
        del self._entries[item_id]
        self._order.remove(item_id)
        return entry

    def memory(self) -> list[Memory]:
        """The items that the model would be asked to go on from, in order."""
        return [Memory(entry.role, entry.id, entry.audio_ms, entry.kept_ms is not None) for entry in self]

    def has_call(self, call_id: str) -> bool:
        return any(entry.type == "function_call" and entry.body.get("call_id") == call_id for entry in self)

    @property
    def caller_spoke(self) -> bool:
        return any(entry.role == "user" for entry in self)
