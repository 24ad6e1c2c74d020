"""Names of events and of their details, made readable: what is `snake_case` in the log is words to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UNITS = ("ms", "s", "bytes")


def in_plain_words(event: str, details: Mapping[str, Any]) -> str:
    """The event and its details on one line: `begun` with `after_ms` 300 is "begun: after 300 ms"."""
    told = ", ".join(_detail(name, value) for name, value in details.items())
    return f"{_words(event)}{': ' if told else ''}{told}"


def _detail(name: str, value: Any) -> str:
    what, _, unit = name.rpartition("_")
    if what and unit in _UNITS:
        return f"{_words(what)} {value} {unit}"
    return f"{_words(name)} {_words(value) if isinstance(value, str) else value}"


def _words(name: str) -> str:
    """Names of ours alone are turned: ids and sentences keep what they have."""
    ours = name.replace("_", "").isalpha() and name.islower()
    return name.replace("_", " ") if ours else name
