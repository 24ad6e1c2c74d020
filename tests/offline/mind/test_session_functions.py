"""Functions of a session, chosen by name and filled in by schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.offline.mind.session_functions import BOOK, END, asked_for, filled, named_like


def arguments(properties: dict[str, Any], words: str = "", **facts: str | int) -> Any:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return json.loads(filled({"name": "f", "parameters": schema}, words.split(), facts or None).arguments)


@pytest.mark.parametrize(
    ("prop", "words", "value"),
    [
        ({"type": "string", "enum": ["inside", "roof terrace"]}, "on the roof terrace", "roof terrace"),
        ({"type": "string", "enum": ["inside", "terrace"]}, "anywhere", "inside"),
        ({"type": "string", "enum": ["a", "b"], "default": "b"}, "", "b"),
        ({"type": "integer"}, "room forty two", 42),
        ({"type": "integer", "minimum": 3}, "some", 3),
        ({"type": "number"}, "", 1),
        ({"type": "boolean"}, "", True),
        ({"type": "array", "items": {}}, "", []),
        ({"type": "object"}, "", {}),
        ({"type": ["null", "string"]}, "it is about broken glass", "broken glass"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "seven", 7),
        ({}, "", "unknown"),
        (True, "", "unknown"),
    ],
)
def test_a_required_parameter_has_a_value_of_its_kind(prop: Any, words: str, value: Any) -> None:
    assert arguments({"x": prop}, words) == {"x": value}


def test_what_is_not_required_and_not_known_is_left_out() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    assert filled({"name": "weather", "parameters": schema}, ["two"]).arguments == '{"days":2}'


def test_facts_go_by_the_names_of_parameters() -> None:
    props = {name: {"type": "string"} for name in ("day", "startTime", "when")} | {
        "numberOfGuests": {"type": "integer"}
    }
    facts: dict[str, str | int] = {"people": 4, "day": "friday", "time": "19:00", "when": "2026-12-04 19:00"}
    assert arguments(props, **facts) == {
        "day": "friday",
        "startTime": "19:00",
        "when": "2026-12-04 19:00",
        "numberOfGuests": 4,
    }


def test_a_function_without_parameters_is_called_with_none() -> None:
    assert filled({"name": "end_call"}, []).arguments == "{}"


def test_the_name_counts_for_more_than_the_description() -> None:
    by_name = {"name": "book_table", "description": ""}
    by_words = {"name": "f", "description": "End or hang up the call after goodbye; never book a table."}
    assert named_like([by_words, by_name], BOOK) == by_name
    assert named_like([by_words], END) == by_words
    assert named_like([{"name": "weather", "description": "To the end of the week."}], END) is None
    assert named_like([], END) is None


def test_a_function_is_asked_for_by_the_words_of_its_name() -> None:
    offered = [{"name": "get_order_status"}, {"name": "openingHours"}]
    assert asked_for(offered, ["what", "are", "your", "opening", "hours"]) == offered[1]
    assert asked_for(offered, ["the", "status", "of", "my", "orders"]) == offered[0]
    assert asked_for(offered, ["my", "order", "please"]) is None
    assert asked_for([{"name": "get"}], ["get"]) is None
