"""The operator's JSON schema for what shall be known of each call, and the schema a model is held to.

A model follows a schema exactly where it is of the kind that structured outputs take: every object closed, all its
properties required. Any other is asked for all the same, and judged afterwards.
https://developers.openai.com/api/docs/guides/structured-outputs
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

DISPOSITIONS = ("resolved", "follow_up", "transferred", "abandoned", "wrong_number", "spam", "other")
MAX_BYTES = 100_000
_FIELDS = "#/properties/fields"
_DEFINITIONS = ("$defs", "definitions")
_UNTAKEN = frozenset(
    {
        *("allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else", "patternProperties"),
        *(
            "oneOf",
            "propertyNames",
            "unevaluatedProperties",
            "contains",
            "uniqueItems",
            "minProperties",
            "maxProperties",
        ),
    }
)
_MAX_DEPTH = 200


class BadSchema(Exception):
    """The file holds no JSON schema that can be used. Its text is a sentence that names the mend."""


class _NotTaken(Exception):
    """Something a JSON schema may have, and ours may not."""


class ResultSchema(NamedTuple):
    """The whole of what a model answers. `exact`: it can be held to `whole`. `loose` says why not, else is empty."""

    whole: dict[str, Any]
    validator: Any
    """An object of the jsonschema package."""
    exact: bool
    loose: str = ""

    def faults(self, answer: Any) -> str:
        """The first thing that is wrong with an answer, by its place and never its value; empty when it is right."""
        try:
            error = next(iter(self.validator.iter_errors(answer)), None)
        except RecursionError:
            return "it is nested too deeply"
        if error is None:
            return ""
        place = "/".join(map(str, error.absolute_path)) or "the whole"
        return f"{place} is not as {error.validator} in the schema wants it"


def load_schema(path: Path) -> ResultSchema:
    """The schema in the file at `path`, with what is asked of every call around it. Raises BadSchema."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadSchema(
            f"BOT_RESULT_SCHEMA {path} can't be read ({error.strerror}); mend the file or the path."
        ) from None
    if len(raw) > MAX_BYTES:
        raise BadSchema(f"BOT_RESULT_SCHEMA {path} is longer than {MAX_BYTES} bytes; make it shorter.")
    try:
        fields = msgspec.json.decode(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadSchema(f"BOT_RESULT_SCHEMA {path} is not UTF-8; save it so.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadSchema(f"BOT_RESULT_SCHEMA {path} is no JSON ({error}); mend the file.") from None
    return schema_of(fields, str(path))


def schema_of(fields: Any, name: str = "The schema") -> ResultSchema:
    """The same for the operator's schema itself. Raises BadSchema."""
    told = name if name == "The schema" else f"BOT_RESULT_SCHEMA {name}"
    if not isinstance(fields, dict) or fields.get("type") != "object":
        raise BadSchema(
            f'{told} must be a JSON schema of an object: begin it with {{"type": "object", "properties": ...'
        )
    # Its import takes a third of a second, and few have a schema.
    from jsonschema import Draft202012Validator, SchemaError  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(fields)
        _local(fields, fields)
        loose = next(_looseness(fields, "its top"), "")
    except SchemaError as error:
        place = "/".join(map(str, error.absolute_path)) or "its top"
        raise BadSchema(f"{told} is no JSON schema: at {place}, {error.message[:120]}.") from None
    except _NotTaken as error:
        raise BadSchema(f"{told} can't be used: {error}.") from None
    except RecursionError:
        raise BadSchema(f"{told} is nested too deeply; make it simpler.") from None
    whole = _around(fields)
    return ResultSchema(whole, Draft202012Validator(whole), not loose, loose)


def _local(schema: Any, root: Any, depth: int = 0) -> None:
    """Raises _NotTaken for a reference to anywhere else than in `root`, or to nothing there."""
    if depth > _MAX_DEPTH:
        raise RecursionError
    for name, value in _items(schema):
        if name in {"$ref", "$dynamicRef"} and (not isinstance(value, str) or not value.startswith("#")):
            raise _NotTaken(f"a {name} must begin with #, as nothing is fetched")
        if name == "$ref":
            _followed(value, root)
        if name in {"$id", "$anchor", "$dynamicAnchor", "$dynamicRef"}:
            raise _NotTaken(f"{name} is not taken; refer to $defs by their place")
        _local(value, root, depth + 1)


def _followed(reference: str, root: Any) -> None:
    """Raises _NotTaken for a reference that leads to no schema in `root`."""
    seen, following = set[str](), reference
    while following not in seen:
        seen.add(following)
        found = root
        for step in following.removeprefix("#").split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (LookupError, TypeError, ValueError):
                raise _NotTaken(f"the $ref {reference} leads to nothing; mend it, or add what it names") from None
        onward = found.get("$ref") if isinstance(found, dict) else None
        if not isinstance(onward, str):
            return
        following = onward
    raise _NotTaken(f"the $ref {reference} leads round in a circle; name a schema with it")


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from (("", one) for one in value)


def _looseness(schema: Any, place: str) -> Iterator[str]:
    """Reasons why a model can't be held to `schema` exactly."""
    if not isinstance(schema, dict):
        return
    if untaken := sorted(_UNTAKEN & schema.keys()):
        yield f"{untaken[0]} at {place}"
    properties = schema.get("properties", {})
    if schema.get("type") == "object" or properties:
        if schema.get("additionalProperties") is not False:
            yield f'no "additionalProperties": false at {place}'
        if missing := sorted(set(properties) - set(schema.get("required", ()))):
            yield f"{missing[0]} at {place} is not required (give it the type null besides its own, and require it)"
    for name, inner in properties.items():
        yield from _looseness(inner, name)
    for name in _DEFINITIONS:
        for key, inner in schema.get(name, {}).items():
            yield from _looseness(inner, key)
    yield from _looseness(schema.get("items"), f"the items of {place}")
    for inner in schema.get("anyOf", ()):
        yield from _looseness(inner, place)


def _around(fields: dict[str, Any]) -> dict[str, Any]:
    """The schema of the whole answer. The operator's definitions go to its top, where references look for them."""
    inner = {name: value for name, value in fields.items() if name not in {"$schema", *_DEFINITIONS}}
    definitions = {name: _moved(fields[name]) for name in _DEFINITIONS if name in fields}
    return {
        "type": "object",
        "properties": {
            "summary": {"type": "string", "description": "The call in two or three sentences, in its own language."},
            "disposition": {"type": "string", "enum": list(DISPOSITIONS), "description": "How the call came out."},
            "fields": _moved(inner),
        },
        "required": ["summary", "disposition", "fields"],
        "additionalProperties": False,
        **definitions,
    }


def _moved(schema: Any) -> Any:
    """`schema` with its references as they are once it stands inside the whole."""
    if isinstance(schema, list):
        return [_moved(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _pointed(value) if name == "$ref" else _moved(value) for name, value in schema.items()}


def _pointed(reference: Any) -> Any:
    if not isinstance(reference, str) or reference.startswith(tuple(f"#/{name}" for name in _DEFINITIONS)):
        return reference
    return _FIELDS + reference.removeprefix("#")
