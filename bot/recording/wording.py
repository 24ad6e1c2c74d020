"""Messages of a call in a few words, for people: in the first difference of a replay and in the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bot.audio.payload import BYTES_PER_MS
from bot.observe.terminal_text import visible

__all__ = ["audio_bytes", "difference_in_words", "in_words", "visible"]

_LONGEST = 60
_BEFORE = 20
"""Letters shown before the one in which two long texts part."""


def in_words(message: Any) -> str:
    """A decoded message in words: its name, and the few fields that tell it from its like. Hostile text stays."""
    if not isinstance(message, dict):
        return f"{_short(message)}, which is no message"
    if isinstance(message.get("told"), str):
        return " ".join(_told(message["told"], message))
    name = str(message.get("event") or message.get("type") or message.get("note") or "a message without a name")
    return name + "".join(f" {part}" for part in _details(name, message))


def difference_in_words(sent: Any, recorded: Any) -> tuple[str, str]:
    """Both messages in words; where those are the same words, with the first field in which they differ."""
    one, other = in_words(sent), in_words(recorded)
    if one != other:
        return one, other
    path, left, right = _first_difference("", sent, recorded)
    where = f" whose {path}" if path else ""
    at = _parting(left, right) if isinstance(left, str) and isinstance(right, str) else 0
    return f"{one}{where} is {_short(left, at)}", _short(right, at)


def audio_bytes(payload: Any) -> int:
    """Bytes of audio in a base64 `payload` by its length and padding; 0 for what is no text."""
    if not isinstance(payload, str):
        return 0
    return len(payload) * 3 // 4 - payload[-2:].count("=")


def _details(name: str, message: dict[str, Any]) -> Iterator[str]:
    part = message.get(name)
    part = part if isinstance(part, dict) else {}
    if name == "mark":
        yield str(part.get("name", ""))
    if name == "dtmf":
        yield str(part.get("digit", ""))
    audio = part.get("payload") or message.get("audio") or (message.get("delta") if "audio.delta" in name else None)
    if audio:
        size = audio_bytes(audio)
        yield f"of {size} bytes ({size / BYTES_PER_MS:g} ms)"
    for key in ("response_id", "item_id"):
        if message.get(key):
            yield f"of {message[key]}"
    if "audio_end_ms" in message:
        yield f"at {message['audio_end_ms']} ms"
    for key in ("failure", "kind", "code"):
        if message.get(key):
            yield str(message[key])


def _told(kind: str, told: dict[str, Any]) -> Iterator[str]:
    """Words for an output that is told to the shell and not sent."""
    yield kind
    for key in ("event", "number", "who", "what", "reason"):
        if key in told:
            yield str(told[key])


def _parting(one: str, other: str) -> int:
    """Index at which two different texts part."""
    both = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(both) if left != right), min(len(one), len(other)))


def _first_difference(path: str, one: Any, other: Any) -> tuple[str, Any, Any]:
    """The path of the first part that is not the same, and both parts."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            left, right = one.get(key, _ABSENT), other.get(key, _ABSENT)
            if not _same(left, right):
                return _first_difference(f"{path}.{key}" if path else key, left, right)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            if not _same(left, right):
                return _first_difference(f"{path}[{index}]", left, right)
    return path, one, other


def _same(one: Any, other: Any) -> bool:
    """True for equal values of one type: 1 and 1.0 are different bytes."""
    if _ABSENT in (one, other):
        return one is other
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")


class _Absent:
    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()


def _short(value: Any, at: int = 0) -> str:
    """`value` in few letters; of a long text those around the place `at`, and where that is."""
    if isinstance(value, str) and len(value) > _LONGEST and at > _BEFORE:
        part = value[at - _BEFORE : at - _BEFORE + _LONGEST]
        end = "" if at - _BEFORE + _LONGEST >= len(value) else "..."
        return f"...{part!r}{end} (from letter {at - _BEFORE + 1})"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
