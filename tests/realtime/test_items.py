"""The shapes of conversation items that a client makes."""

from __future__ import annotations

import json

import pytest

from bot.realtime.items import Role, function_call_output, message, result_of


@pytest.mark.parametrize(
    ("role", "kind"), [("system", "input_text"), ("user", "input_text"), ("assistant", "output_text")]
)
def test_words_are_input_but_for_the_assistants(role: Role, kind: str) -> None:
    assert message("M1", role, text="Hello.") == {
        "id": "M1",
        "type": "message",
        "role": role,
        "content": [{"type": kind, "text": "Hello."}],
    }


def test_the_users_sound_stands_for_words_that_are_not_known() -> None:
    assert message("M1", "user", audio="////")["content"] == [{"type": "input_audio", "audio": "////"}]
    assert message("M1", "user", text="Hello.", audio="////") == message("M1", "user", text="Hello.")


def test_the_output_of_a_function_call_is_json_in_a_string() -> None:
    item = function_call_output("call_1", result_of('said "no"'))
    assert (item["type"], item["call_id"]) == ("function_call_output", "call_1")
    assert json.loads(item["output"]) == {"result": 'said "no"'}
