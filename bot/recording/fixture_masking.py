"""Masking of a fixture: one substitution for settings, inbound and outbound messages alike.

It changes no length but that of secrets, no number outside strings and no audio, so that a call fed with masked inputs
decides what it decided live; replay masks what it sends in the same way before it compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from bot.call.settings import CallSettings

HIDDEN = "***"
_SHORTEST_SECRET = 4

_VOCABULARY = frozenset(
    {"barge_in", "eagerness", "event", "failure", "kind", "level", "note", "object", "role", "status", "told", "type"}
    | {"way"}
)
"""Keys whose values come from a fixed list; a secret that happens to be one of its words must not break the message."""
_WORDS = frozenset({"delta", "digit", "digits", "output", "text", "transcript", "unheard"})
"""Keys of what was said or typed. Numbers may be split over deltas, so no single digit stays."""
_ARGUED = frozenset({"destination", "destinations", "enum", "summary"})
"""Keys of what the model gives as an argument, and is read from it: masked as arguments are."""
_PROSE = frozenset(
    {
        "announcement",
        "description",
        "details",
        "faults",
        "greeting",
        "instructions",
        "message",
        "prompt",
        "reason",
        "why",
    }
)
"""Keys of sentences an operator or a server wrote: telephone numbers go, opening hours may stay."""

_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_DIGIT = re.compile(r"\d")
_PLUS_NUMBER = re.compile(r"(?:\+|(?<=%2B)|(?<=%2b))\d(?:[\s().\-/]{0,3}\d){6,}")
_BARE_NUMBER = re.compile(r"(?<![\w.])\d(?:[\s().\-/]{0,3}\d){6,}")
_JSON_DIGIT = re.compile(r"(\\\\|\\u(?!003\d)[0-9a-fA-F]{4}|\\u003(?=\d))|\d")


class Masker:
    """The substitution of one fixture. `secrets`: keys, tokens and names that may stand nowhere in it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def settings(self, settings: CallSettings) -> CallSettings:
        """The header's settings, masked."""
        return msgspec.convert(self.message(msgspec.to_builtins(settings)), CallSettings)

    def message(self, message: Any) -> Any:
        """A decoded JSON value, masked throughout. Idempotent; the argument is left as it is."""
        return self._value("", message, "")

    def _value(self, key: str, value: Any, kind: str) -> Any:
        """`kind` is the `type` of the object that holds `key`: it tells a delta of audio from one of words."""
        if isinstance(value, str):
            return self._string(key, value, kind)
        if isinstance(value, dict):
            return self._object(key, value)
        if isinstance(value, list | tuple):
            return [] if key == "logprobs" else [self._value(key, item, kind) for item in value]
        return value

    def _object(self, key: str, value: dict[str, Any]) -> dict[str, Any]:
        if key == "customParameters":  # what the webhook knew of the caller; the call itself reads none of it
            return dict.fromkeys(value, HIDDEN)
        kind = value.get("type")
        kind = kind if isinstance(kind, str) else ""
        return {name: self._value(name, item, kind) for name, item in value.items()}

    def _string(self, key: str, text: str, kind: str) -> str:
        if key in _VOCABULARY or _is_audio(key, kind):
            return text
        if self._secrets:
            text = self._secrets.sub(HIDDEN, text)
        if "AC" in text:
            text = _ACCOUNT.sub("AC" + "0" * 32, text)
        if key == "arguments" or (key == "delta" and "arguments" in kind):
            return _JSON_DIGIT.sub(_one, text)
        if key in _ARGUED:
            return _DIGIT.sub("1", text)
        if key in _WORDS:
            return _DIGIT.sub("0", text)
        if "+" in text or "%" in text:
            text = _PLUS_NUMBER.sub(_zeros, text)
        return _BARE_NUMBER.sub(_zeros, text) if key in _PROSE else text


def _is_audio(key: str, kind: str) -> bool:
    return key in {"payload", "audio", "greeting_audio", "announcement_audio", "filler_audio", "apology_audio"} or (
        key == "delta" and kind.endswith("audio.delta")
    )


def _zeros(found: re.Match[str]) -> str:
    return _DIGIT.sub("0", found[0])


def _one(found: re.Match[str]) -> str:
    """Arguments are JSON in a string: 1 may stand where 0 may not (10 would become 00), and escapes stay escapes."""
    return found[1] or "1"
