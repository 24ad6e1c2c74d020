"""The functions a session offers, chosen by what they are called and filled in by what their parameters are.

The script knows no function by name: an operator's own are called as any model would, by their schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from bot.offline.mind.numbers_said import first_number

Json = dict[str, Any]

END = frozenset({"end", "hang", "hangup", "goodbye", "terminate", "disconnect"})
TRANSFER = frozenset({"transfer", "handover", "handoff", "forward", "human", "escalate"})
BOOK = frozenset({"book", "booking", "reserve", "reservation", "table", "appointment", "schedule"})
_SAYS_NOTHING = frozenset(
    {
        "a",
        "an",
        "the",
        "do",
        "get",
        "set",
        "call",
        "run",
        "make",
        "fetch",
        "lookup",
        "look",
        "up",
        "find",
        "check",
        "send",
        "create",
        "update",
        "list",
        "current",
        "new",
        "my",
        "for",
        "to",
        "of",
        "in",
        "by",
        "and",
        "with",
        "function",
        "tool",
    }
)
"""Words of a function's name by which nobody would ask for it."""
_SYNONYMS: Mapping[str, str] = {
    "people": "people",
    "persons": "people",
    "party": "people",
    "guests": "people",
    "guest": "people",
    "seats": "people",
    "covers": "people",
    "size": "people",
    "count": "people",
    "day": "day",
    "weekday": "day",
    "date": "date",
    "time": "time",
    "hour": "time",
    "when": "when",
}
_UNKNOWN = "unknown"


class Call(msgspec.Struct, frozen=True):
    """A function and its arguments as JSON text."""

    name: str
    arguments: str


def name_words(name: str) -> list[str]:
    """The words of a function's or a parameter's name: snake_case, camelCase or with hyphens."""
    return re.findall(r"[a-z]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def named_like(functions: Iterable[Json], wanted: frozenset[str]) -> Json | None:
    """The function whose name, or else description, has most of the `wanted` words; None where none has any."""

    def likeness(function: Json) -> int:
        named = len(wanted & set(name_words(function["name"])))
        told = len(wanted & set(re.findall(r"[a-z]+", function.get("description", "").lower())))
        return 10 * named + (told if named or told > 1 else 0)

    best = max(functions, key=likeness, default=None)
    return best if best is not None and likeness(best) else None


def asked_for(functions: Iterable[Json], words: Sequence[str]) -> Json | None:
    """The function whose name the caller said: all words of it that say anything."""
    said = {form for word in words for form in (word, word.removesuffix("s"))}
    for function in functions:
        telling = [word.removesuffix("s") for word in name_words(function["name"]) if word not in _SAYS_NOTHING]
        if telling and said.issuperset(telling):
            return function
    return None


def by_name(functions: Iterable[Json], name: str) -> Json:
    """The function called `name`, without parameters where the session has none of that name."""
    return next((one for one in functions if one["name"] == name), {"name": name})


def filled(function: Json, words: Sequence[str], facts: Mapping[str, str | int] | None = None) -> Call:
    """A call of `function`: each parameter from `facts`, or else from the caller's `words`, by its schema.

    What is not required and not known is left out. Where there are facts, the words are in them.
    """
    schema, facts = function.get("parameters") or {}, facts or {}
    required = schema.get("required", ())
    about = [] if facts else [word for word in words if word not in name_words(function["name"])]
    arguments: Json = {}
    for name, prop in schema.get("properties", {}).items():
        value = _value(name, prop if isinstance(prop, dict) else {}, about, facts, must=name in required)
        if value is not None:
            arguments[name] = value
    return Call(function["name"], msgspec.json.encode(arguments).decode())


def _value(name: str, prop: Json, words: Sequence[str], facts: Mapping[str, str | int], *, must: bool) -> Any:
    kind = _type(prop)
    fact = _fact(name, prop, facts)
    if fact is not None and kind in {"string", "integer", "number"}:
        return _as(kind, fact)
    if prop.get("enum"):
        said = _mentioned(prop["enum"], words)
        return said if said is not None else prop.get("default", prop["enum"][0]) if must else None
    if kind in {"integer", "number"}:
        number = first_number(words)
        return number if number is not None else prop.get("default", prop.get("minimum", 1)) if must else None
    if not must:
        return None
    return _needed(kind, prop, words)


def _needed(kind: str, prop: Json, words: Sequence[str]) -> Any:
    """Something of the right type for a parameter of which nothing is known."""
    if "default" in prop:
        return prop["default"]
    if kind == "string":
        return _last_part(words) or _UNKNOWN
    return {"boolean": True, "array": [], "object": {}}.get(kind)


def _type(prop: Json) -> str:
    """The type of a parameter; of several the first that is not null."""
    kinds = prop.get("type") or [part.get("type") for part in prop.get("anyOf", ()) if isinstance(part, dict)]
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return next((kind for kind in kinds if kind and kind != "null"), "string")


def _fact(name: str, prop: Json, facts: Mapping[str, str | int]) -> str | int | None:
    if prop.get("format") == "date" and "date" in facts:
        return facts["date"]
    for word in name_words(name):
        known = facts.get(_SYNONYMS.get(word, word))
        if known is not None:
            return known
    return None


def _as(kind: str, fact: str | int) -> str | int | None:
    if kind == "string":
        return str(fact)
    return fact if isinstance(fact, int) else None


def _mentioned(values: Sequence[Any], words: Sequence[str]) -> Any:
    """The value of an enumeration that was said, all words of it."""
    for value in values:
        parts = name_words(str(value))
        if parts and set(words).issuperset(parts):
            return value
    return None


def _last_part(words: Sequence[str]) -> str:
    """What follows the last small word: in "the weather in new york" it is "new york"."""
    after = next((at for at in range(len(words) - 1, -1, -1) if words[at] in _BEFORE_A_NAME), -1)
    return " ".join(words[after + 1 :] or words)


_BEFORE_A_NAME = frozenset({"in", "for", "of", "at", "about", "to", "is", "the", "on", "from", "with"})
