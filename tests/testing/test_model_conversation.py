"""Items: made, truncated, deleted, retrieved, and what the model remembers of them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.testing.agent import AT_ONCE, Failure, Reply, Spoken, ToolCall, pattern
from bot.testing.model import SpeechAt
from tests.testing.model_desk import Desk

ONE = Reply([Spoken(pattern(3700), "a long story")], pacing=AT_ONCE)


def told(reply: Reply = ONE, **knobs: Any) -> Desk:
    """A desk that has heard `reply` to its end."""
    desk = Desk([reply], **knobs)
    desk.send("response.create")
    desk.run(2000)
    desk.take()
    return desk


def last_item(desk: Desk) -> str:
    return desk.model.memory()[-1].item_id


def truncate(desk: Desk, item_id: str, ms: int, part: int = 0) -> None:
    desk.send("conversation.item.truncate", item_id=item_id, content_index=part, audio_end_ms=ms, event_id="t1")


def test_a_truncation_is_acknowledged_and_remembered() -> None:
    desk = told()
    item_id = last_item(desk)
    truncate(desk, item_id, 1260)
    ack = desk.one("conversation.item.truncated")
    assert (ack["item_id"], ack["content_index"], ack["audio_end_ms"]) == (item_id, 0, 1260)
    assert desk.model.memory() == [("assistant", item_id, 1260, True)]
    assert [(one.item_id, one.audio_end_ms, one.accepted) for one in desk.model.truncations] == [(item_id, 1260, True)]
    assert desk.model.violations == []


def test_a_truncation_beyond_the_audio_is_refused_in_the_server_s_words() -> None:
    desk = told()
    truncate(desk, last_item(desk), 3760)
    assert desk.refused()["message"] == "Audio content of 3700ms is already shorter than 3760ms"
    assert (desk.refused()["type"], desk.refused()["event_id"]) == ("invalid_request_error", "t1")
    assert desk.model.memory()[-1] == ("assistant", last_item(desk), 3700, False)
    assert (len(desk.model.violations), desk.model.truncations[-1].accepted) == (1, False)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4000), min_size=1, max_size=6))
def test_memory_is_the_least_of_what_was_accepted(cuts: list[int]) -> None:
    desk = told(check=None)
    kept = 3700
    for cut in cuts:
        truncate(desk, last_item(desk), cut)
        assert desk.model.truncations[-1].accepted == (cut <= kept)
        kept = min(kept, cut)
        assert desk.model.memory()[-1].audio_ms == kept


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("truncate", "item_truncate_invalid_item_id"),
        ("delete", "item_delete_invalid_item_id"),
        ("retrieve", "item_retrieve_invalid_item_id"),
    ],
)
def test_an_item_that_is_not_there_is_refused(kind: str, code: str) -> None:
    desk = told()
    fields = {"content_index": 0, "audio_end_ms": 0} if kind == "truncate" else {}
    desk.send(f"conversation.item.{kind}", item_id="item_none", **fields)
    assert desk.refused()["code"] == code


def test_only_the_first_part_of_spoken_items_can_be_truncated() -> None:
    desk = told(speech=[SpeechAt(3_000_000, 4_000_000)])
    truncate(desk, last_item(desk), 100, part=1)
    assert desk.refused()["param"] == "content_index"
    desk.run(4600)
    user = next(one for one in desk.model.memory() if one.role == "user")
    truncate(desk, user.item_id, 100)
    assert desk.refused()["param"] == "item_id"


def test_a_refused_truncate_by_knob_is_nobody_s_fault() -> None:
    desk = told(refuse_truncate="Something went wrong")
    truncate(desk, last_item(desk), 100)
    assert desk.refused()["message"] == "Something went wrong"
    assert desk.model.violations == []


def test_an_item_is_deleted_once_it_is_done() -> None:
    desk = told(Reply([Spoken(pattern(1000))], failure=Failure("stalls", 500)))
    item_id = last_item(desk)
    desk.send("conversation.item.delete", item_id=item_id)
    assert desk.refused()["code"] == "item_delete_invalid_item_id"
    assert len(desk.model.violations) == 1
    desk.send("response.cancel")
    desk.send("conversation.item.delete", item_id=item_id)
    assert desk.one("conversation.item.deleted")["item_id"] == item_id
    assert desk.model.memory() == []
    assert [one.accepted for one in desk.model.deletions] == [False, True]


def test_an_item_can_be_truncated_while_it_is_being_generated() -> None:
    desk = told(Reply([Spoken(pattern(1000), "so many words to say")], failure=Failure("stalls", 500)))
    truncate(desk, last_item(desk), 500)
    desk.send("response.cancel")
    assert desk.model.memory() == [("assistant", desk.model.responses[0].outputs[0].item_id, 500, True)]


def test_retrieving_gives_the_audio_that_is_remembered() -> None:
    desk = told()
    truncate(desk, last_item(desk), 1000)
    desk.send("conversation.item.retrieve", item_id=last_item(desk))
    (part,) = desk.one("conversation.item.retrieved")["item"]["content"]
    assert base64.b64decode(part["audio"]) == pattern(3700)[:8000]
    assert desk.model.spoken(last_item(desk)) == pattern(3700)


TEXT = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


def test_items_are_put_where_they_are_asked_for() -> None:
    desk = told()
    first = last_item(desk)
    desk.send("conversation.item.create", item={**TEXT, "id": "end"})
    desk.send("conversation.item.create", item={**TEXT, "id": "start"}, previous_item_id="root")
    desk.send("conversation.item.create", item={**TEXT, "id": "middle"}, previous_item_id="start")
    assert [one.item_id for one in desk.model.memory()] == ["start", "middle", first, "end"]
    assert desk.kinds() == ["conversation.item.added", "conversation.item.done"] * 3
    assert [one["previous_item_id"] for one in desk.of("conversation.item.done")] == [first, None, "start"]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({**TEXT, "id": "x" * 33}, "string_above_max_length"),
        ({**TEXT, "content": [{"type": "input_text", "text": "x" * 256_001}]}, "string_above_max_length"),
        ({**TEXT, "content": [{"type": "text", "text": "x"}]}, "invalid_value"),
        ({**TEXT, "role": "operator"}, "invalid_value"),
        ({**TEXT, "lang": "en"}, "unknown_parameter"),
        ({"type": "message", "role": "assistant", "content": [{"type": "output_audio", "audio": "////"}]}, "invalid_value"),
        ({"type": "function_call_output", "call_id": "call_none", "output": "{}"}, "invalid_tool_call_id"),
        ({**TEXT, "content": [{"type": "input_audio", "audio": "abc"}]}, "invalid_value"),
    ],
)  # fmt: skip
def test_items_that_cannot_be_are_refused(item: dict[str, Any], code: str) -> None:
    desk = Desk(check=None)
    desk.send("conversation.item.create", item=item)
    assert desk.refused()["code"] == code
    assert desk.model.memory() == []


def test_no_item_twice_and_none_after_one_unknown() -> None:
    desk = Desk()
    desk.send("conversation.item.create", item={**TEXT, "id": "a"})
    desk.send("conversation.item.create", item={**TEXT, "id": "a"})
    desk.send("conversation.item.create", item=TEXT, previous_item_id="b")
    assert [error["code"] for error in desk.model.errors] == [
        "item_create_duplicate_item_id",
        "item_create_invalid_previous_item_id",
    ]


def test_a_function_s_result_reaches_the_agent() -> None:
    desk = Desk([Reply(tool_calls=[ToolCall("look_up", '{"q":1}', "call_7")]), Spoken(pattern(50))])
    desk.send("response.create")
    desk.run(1000)
    desk.send("conversation.item.create", item={"type": "function_call_output", "call_id": "call_7", "output": "42"})
    desk.send("response.create")
    assert desk.agent.turns[-1].tool_outputs == ("42",)
    assert desk.model.violations == []
