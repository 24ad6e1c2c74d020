"""Every field of every part of a call, as plain data that can be compared: what a lost session must have set back."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, MutableSequence
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from bot.call.call import Call
from bot.call.playout.ledger import Entry


def is_part(value: Any) -> bool:
    """An object of the call with a life of its own, and not a value that one of them holds."""
    ours = type(value).__module__.startswith("bot.call")
    return ours and hasattr(value, "__dict__") and not isinstance(value, tuple | msgspec.Struct | enum.Enum)


def parts(call: Call) -> dict[str, Any]:
    """All parts by the names of their classes, of which there is one each but for what is played from a recording."""
    found: dict[str, Any] = {}

    def walk(part: Any, name: str) -> None:
        if found.setdefault(name, part) is not part:
            raise AssertionError(f"two parts are a {name}")
        for field, value in vars(part).items():
            if is_part(value) and not any(value is one for one in found.values()):
                walk(value, type(value).__name__ if field != "recorded" else f"{name}.recorded")

    walk(call, "Call")
    return found


def _named(call: Call) -> Iterator[tuple[str, Any]]:
    for name, part in parts(call).items():
        for field, value in vars(part).items():
            wired = is_part(value) or (isinstance(value, tuple) and value != () and all(map(is_part, value)))
            if not wired:
                yield f"{name}.{field}", value


def picture(call: Call) -> dict[str, Any]:
    """`Part.field` and its value, copied. A field that only says which other part is known is left out."""
    return {name: plain(value) for name, value in _named(call)}


def plain(value: Any) -> Any:
    """A copy of it made of tuples and strings: no later change shows in it."""
    if isinstance(value, Entry):  # how far it has been heard is the clock's
        return ("entry", value.item_id, value.content_index, value.response_id, value.received, value.sent)
    if isinstance(value, Counter):
        return {key: n for key, n in value.items() if n}
    if isinstance(value, dict):
        return {plain(key) if isinstance(key, Entry) else key: plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return tuple(sorted(value, key=repr))
    if isinstance(value, list) or type(value) is tuple:
        return tuple(plain(one) for one in value)
    if isinstance(value, MutableSequence):
        raise TypeError(f"nobody copies a {type(value).__name__} here")
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value).__name__, *(plain(getattr(value, one.name)) for one in fields(value)))
    return value
