"""Shortcuts of the keypad: keys that, pressed alone, do something at once, such as `0=transfer:reception`."""

from __future__ import annotations

import re
from typing import NamedTuple

_WRITTEN = re.compile(r"(?P<key>[0-9*#])\s*=\s*(?P<function>\w+)(?:\s*:\s*(?P<name>[\w .-]{1,64}))?")


class KeyShortcut(NamedTuple):
    """A key, what it does, and to whom it transfers."""

    key: str
    does: str
    destination: str = ""


def parse_shortcuts(text: object) -> object:
    """The shortcuts of a comma-separated list. Raises ValueError, which names the first wrong one."""
    if not isinstance(text, str):
        return text
    found = [_entry(number, part.strip()) for number, part in enumerate(text.split(","), 1) if part.strip()]
    keys = [one.key for one in found]
    if len(set(keys)) < len(keys):
        raise ValueError("must have each key once")
    return tuple(found)


def _entry(number: int, text: str) -> KeyShortcut:
    written = _WRITTEN.fullmatch(text)
    key, function, name = written.group("key", "function", "name") if written else ("", "", "")
    if function == "transfer" and name:
        return KeyShortcut(key, function, name.strip())
    if function == "end_call" and not name:
        return KeyShortcut(key, function)
    raise ValueError(
        f"must hold shortcuts such as 0=transfer:reception, where reception is a destination, or 9=end_call; mend "
        f"entry {number} of the list"
    )
