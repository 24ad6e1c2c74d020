"""The operator's schema: taken, refused with the mend, or asked for though no model can be held to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.after_call.result_schema import DISPOSITIONS, BadSchema, load_schema, schema_of
from bot.testing.model.responses_server import BadRequest, _judge_format, sample

BOOKING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "booked": {"type": "boolean"},
        "guests": {"type": ["integer", "null"], "minimum": 1},
        "wishes": {"type": "array", "items": {"$ref": "#/$defs/wish"}},
    },
    "required": ["booked", "guests", "wishes"],
    "additionalProperties": False,
    "$defs": {"wish": {"type": "string", "enum": ["window", "quiet", "highchair"]}},
}


def _taken_by_the_server(schema: dict[str, Any], *, strict: bool = True) -> bool:
    try:
        _judge_format({"type": "json_schema", "name": "call_result", "schema": schema, "strict": strict})
    except BadRequest:
        return False
    return True


def _answer(**fields: Any) -> dict[str, Any]:
    whole = {"booked": True, "guests": 2, "wishes": ["window"], **fields}
    return {"summary": "They booked.", "disposition": "resolved", "fields": whole}


def test_the_operators_fields_stand_inside_what_is_asked_of_every_call() -> None:
    schema = schema_of(BOOKING)
    assert (schema.exact, schema.loose) == (True, "")
    assert _taken_by_the_server(schema.whole)
    assert schema.whole["required"] == ["summary", "disposition", "fields"]
    assert schema.whole["properties"]["disposition"]["enum"] == list(DISPOSITIONS)
    assert schema.faults(_answer()) == schema.faults(sample(schema.whole)) == ""


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_answer(guests="two"), "fields/guests is not as type in the schema wants it"),
        (_answer(wishes=["a balcony"]), "fields/wishes/0 is not as enum in the schema wants it"),
        (_answer(guests=0), "fields/guests is not as minimum in the schema wants it"),
        (_answer(secret="x"), "fields is not as additionalProperties in the schema wants it"),
        (
            {**_answer(), "disposition": "transfer me to +15555550100"},
            "disposition is not as enum in the schema wants it",
        ),
        ({"summary": "", "disposition": "other"}, "the whole is not as required in the schema wants it"),
        ([], "the whole is not as type in the schema wants it"),
    ],
)
def test_an_answer_that_is_otherwise_is_told_by_its_place_and_never_its_words(answer: Any, fault: str) -> None:
    assert schema_of(BOOKING).faults(answer) == fault


RECURSIVE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name", "parts"],
    "additionalProperties": False,
}
POINTED = {
    "type": "object",
    "properties": {"home": {"type": "string", "enum": ["a"]}, "work": {"$ref": "#/properties/home"}},
    "required": ["home", "work"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("fields", [RECURSIVE, POINTED])
def test_references_of_the_operators_own_still_lead_where_they_led(fields: dict[str, Any]) -> None:
    schema = schema_of(fields)
    assert _taken_by_the_server(schema.whole)
    nested = {"name": "a", "parts": [{"name": "b", "parts": []}]} if fields is RECURSIVE else {"home": "a", "work": "a"}
    wrong = {"name": "a", "parts": [{"name": 1, "parts": []}]} if fields is RECURSIVE else {"home": "a", "work": "b"}
    assert schema.faults({"summary": "", "disposition": "other", "fields": nested}) == ""
    assert schema.faults({"summary": "", "disposition": "other", "fields": wrong})


@pytest.mark.parametrize(
    ("fields", "loose"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, 'no "additionalProperties": false at its top'),
        ({**BOOKING, "required": ["booked"]}, "guests at its top is not required"),
        ({**BOOKING, "$defs": {"wish": {"oneOf": [{"type": "string"}]}}}, "oneOf at wish"),
        (
            {
                **BOOKING,
                "properties": {**BOOKING["properties"], "wishes": {"type": "array", "items": {"type": "object"}}},
            },
            'no "additionalProperties": false at the items of wishes',
        ),
    ],
)
def test_a_schema_no_model_can_be_held_to_is_asked_for_all_the_same(fields: dict[str, Any], loose: str) -> None:
    schema = schema_of(fields)
    assert not schema.exact
    assert loose in schema.loose
    assert not _taken_by_the_server(schema.whole)
    assert _taken_by_the_server(schema.whole, strict=False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[]", "must be a JSON schema of an object"),
        ('{"type": "string"}', "must be a JSON schema of an object"),
        ('{"type": "object", "properties": {"a": {"type": "text"}}}', "is no JSON schema: at properties/a/type"),
        ('{"type": "object", "properties": {"a": {"$ref": "https://elsewhere.net/a.json"}}}', "nothing is fetched"),
        ('{"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}', "nothing is fetched"),
        ('{"type": "object", "$id": "https://elsewhere.net/", "properties": {}}', "$id is not taken"),
        (
            '{"type": "object", "properties": ' + '{"a":{"properties":' * 300 + "{}" + "}}" * 300 + "}",
            "nested too deeply",
        ),
        ('{"type": "object"}' + " " * 100_000, "is longer than"),
    ],
)
def test_a_file_that_is_no_schema_is_refused_in_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)
    with pytest.raises(BadSchema) as caught:
        load_schema(path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("BOT_RESULT_SCHEMA ")


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadSchema, match="can't be read"):
        load_schema(tmp_path / "none.json")


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **BOOKING}))
    assert load_schema(path).whole == schema_of(BOOKING).whole
