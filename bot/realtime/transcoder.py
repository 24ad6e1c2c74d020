"""A session's messages with its audio made the line's, and the other way round (openai-realtime 2.1).

Pure: whoever stands between a call, which knows mu-law only, and a session of another format puts each message through.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bot.audio.transcode import Convert, Format, from_line, to_line
from bot.realtime import events

_encode = msgspec.json.Encoder().encode
_APPENDS = _encode(events.AppendAudio("")).partition(b'"audio"')[0]
_CREATES = _encode(events.CreateItem({})).partition(b'"item"')[0]
"""Beginnings of the messages that carry the caller's audio, and of those that may."""
_AUDIO_PART = "input_audio"
_HOLDS_AUDIO = _encode(_AUDIO_PART)


class Transcoder:
    """Converter of one session's audio, fed its messages in order, from and to the formats `heard` and `spoken`."""

    def __init__(self, heard: Format, spoken: Format) -> None:
        self._heard = heard
        self._to_session = from_line(heard)
        self._spoken = spoken
        self._item = ""
        self._from_item: Convert | None = None

    def to_session(self, text: bytes) -> bytes:
        """A message of ours, as the session takes it."""
        if self._to_session is None:
            return text
        if text.startswith(_APPENDS):
            command = events.parse_command(text)
            assert isinstance(command, events.AppendAudio)
            return _encode(events.AppendAudio(self._to_session(command.audio)))
        if text.startswith(_CREATES) and _HOLDS_AUDIO in text:
            return self._created(text)
        return text

    def from_session(self, text: bytes) -> bytes:
        """A message of the session, as the call takes it. What can't be read stays as it is: the call refuses it."""
        if b"response.output_audio.delta" not in text:
            return text
        try:
            event = events.parse(text)
        except events.BadEvent:
            return text
        if not isinstance(event, events.AudioDelta):
            return text
        convert = self._of_item(event.item_id)
        return text if convert is None else _encode(msgspec.structs.replace(event, delta=convert(event.delta)))

    def _created(self, text: bytes) -> bytes:
        """An item whose content may hold what the caller said earlier: a sound of its own, so with a filter at rest."""
        command = events.parse_command(text)
        assert isinstance(command, events.CreateItem)
        if "content" not in command.item:
            return text
        content = [self._part(part) for part in command.item["content"]]
        return _encode(msgspec.structs.replace(command, item={**command.item, "content": content}))

    def _part(self, part: dict[str, Any]) -> dict[str, Any]:
        convert = from_line(self._heard)
        if convert is None or part.get("type") != _AUDIO_PART:
            return part
        return {**part, "audio": convert(part["audio"])}

    def _of_item(self, item_id: str) -> Convert | None:
        """Each item begins with a filter at rest: nothing of the one before sounds in it."""
        if item_id != self._item:
            self._item, self._from_item = item_id, to_line(self._spoken)
        return self._from_item
