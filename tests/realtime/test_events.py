"""The Realtime vocabulary: events as openai-realtime 3 shows them, everything that is none, and what we send."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.realtime import events
from bot.realtime.events import BadEvent, parse, parse_command
from bot.testing.virtual.client_event_schema import check_client_event

PCMU = {"format": {"type": "audio/pcmu"}}
SESSION = {
    "type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "gpt-realtime-2.1", "expires_at": 1_800_000_000,
    "audio": {"input": {**PCMU, "turn_detection": None}, "output": {**PCMU, "voice": "marin"}}, "tools": [], "include": None,
}  # fmt: skip
READ_SESSION = events.Session(
    "sess_1",
    "gpt-realtime-2.1",
    1_800_000_000,
    events.Audio(events.AudioSide(events.Format("audio/pcmu")), events.AudioSide(events.Format("audio/pcmu"))),
)
ITEM = {
    "id": "item_A",
    "object": "realtime.item",
    "type": "message",
    "role": "assistant",
    "status": "in_progress",
    "content": [],
}
READ_ITEM = events.Item("item_A", "message", "assistant", "in_progress")
CALL = {
    "id": "item_F", "type": "function_call", "status": "completed", "name": "end_call", "call_id": "call_1", "arguments": "{}",
}  # fmt: skip
READ_CALL = events.Item("item_F", "function_call", None, "completed", "end_call", "call_1", "{}")
IDS = {"response_id": "resp_1", "item_id": "item_A", "output_index": 0, "content_index": 0}
RESPONSE = {
    "object": "realtime.response", "id": "resp_1", "status": "completed", "status_details": None, "output": [ITEM],
    "conversation_id": "conv_1", "output_modalities": ["audio"], "max_output_tokens": "inf", "usage": {"total_tokens": 3},
    "metadata": None,
}  # fmt: skip
FAILED = {
    "type": "failed", "error": {"type": "server_error", "code": None, "message": "oops"},
}  # fmt: skip

# openai-realtime 3.2.
SAMPLES: list[tuple[dict[str, Any], events.ServerEvent]] = [
    ({"type": "session.created", "session": SESSION}, events.SessionCreated(READ_SESSION)),
    ({"type": "session.updated", "session": SESSION}, events.SessionUpdated(READ_SESSION)),
    (
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": 1200, "item_id": "U"},
        events.SpeechStarted(1200, "U"),
    ),
    (
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 2200, "item_id": "U"},
        events.SpeechStopped(2200, "U"),
    ),
    (
        {"type": "input_audio_buffer.committed", "previous_item_id": None, "item_id": "U"},
        events.Committed("U"),
    ),
    ({"type": "conversation.item.added", "previous_item_id": "U", "item": ITEM}, events.ItemAdded(READ_ITEM)),
    ({"type": "conversation.item.done", "previous_item_id": "U", "item": ITEM}, events.ItemDone(READ_ITEM)),
    (
        {"type": "conversation.item.truncated", "item_id": "item_A", "content_index": 0, "audio_end_ms": 700},
        events.ItemTruncated("item_A", 700),
    ),
    ({"type": "conversation.item.deleted", "item_id": "item_A"}, events.ItemDeleted("item_A")),
    (
        {
            "type": "conversation.item.input_audio_transcription.completed", "item_id": "U", "content_index": 0,
            "transcript": "hi", "usage": {"type": "duration", "seconds": 1}, "logprobs": None,
        },
        events.CallerTranscript("U", "hi", usage={"type": "duration", "seconds": 1}),
    ),
    (
        {
            "type": "conversation.item.input_audio_transcription.failed", "item_id": "U", "content_index": 0,
            "error": {"code": "audio_unintelligible"},
        },
        events.CallerTranscriptFailed("U", events.Problem(code="audio_unintelligible")),
    ),
    (
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": [], "usage": None}},
        events.ResponseCreated(events.Response("resp_1", "in_progress")),
    ),
    (
        {"type": "response.done", "response": RESPONSE},
        events.ResponseDone(events.Response("resp_1", "completed", usage={"total_tokens": 3})),
    ),
    (
        {"type": "response.done", "response": {"id": "resp_1", "status": "failed", "status_details": FAILED}},
        events.ResponseDone(
            events.Response(
                "resp_1",
                "failed",
                events.StatusDetails("failed", None, events.Problem("server_error", None, "oops")),
            )
        ),
    ),
    (
        {"type": "response.output_item.added", "response_id": "resp_1", "output_index": 0, "item": ITEM},
        events.OutputItemAdded("resp_1", READ_ITEM),
    ),
    (
        {"type": "response.output_item.done", "response_id": "resp_1", "output_index": 1, "item": CALL},
        events.OutputItemDone("resp_1", READ_CALL),
    ),
    ({"type": "response.output_audio.delta", **IDS, "delta": "f39/fw=="}, events.AudioDelta("resp_1", "item_A", "f39/fw==")),
    ({"type": "response.output_audio.done", **IDS}, events.AudioDone("resp_1", "item_A")),
    (
        {"type": "response.output_audio_transcript.delta", **IDS, "delta": "Hel", "obfuscation": "xyz"},
        events.TranscriptDelta("resp_1", "item_A", "Hel"),
    ),
    (
        {"type": "response.output_audio_transcript.done", **IDS, "transcript": "Hello."},
        events.TranscriptDone("resp_1", "item_A", "Hello."),
    ),
    (
        {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "remaining": 5}]},
        events.RateLimits(),
    ),
    (
        {"type": "error", "error": {"type": "invalid_request_error", "code": None, "message": "m", "param": None, "event_id": "e"}},
        events.Error(events.Problem("invalid_request_error", None, "m", None, "e")),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wire", "event"), SAMPLES, ids=[f"{wire['type']}" for wire, _ in SAMPLES])
def test_each_event_of_the_reference_is_read(wire: dict[str, Any], event: events.ServerEvent) -> None:
    text = json.dumps({"event_id": "event_1", **wire})
    assert parse(text) == event
    assert parse(text.encode()) == event
    assert parse(json.dumps({**wire, "invented": {"later": 1}})) == event


@pytest.mark.parametrize(
    "kind",
    [
        "input_audio_buffer.cleared",
        "response.content_part.added",
        "response.function_call_arguments.done",
        "made.up",
        "",
    ],
)
def test_an_event_that_is_not_used_is_tolerated(kind: str) -> None:
    assert parse(json.dumps({"type": kind, "anything": [1, None]})) == events.Unknown(kind)


def delta(value: Any) -> str:
    return json.dumps({"type": "response.output_audio.delta", **IDS, "delta": value})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "not_json"),
        ("hello", "not_json"),
        (b"\xff", "not_json"),
        ("\ud800", "not_json"),
        ("[" * 100_000, "bad_shape"),
        ('{"type":' + "[" * 100_000, "not_json"),
        ('{"type":"error","error":', "not_json"),
        ("[]", "bad_shape"),
        ("null", "bad_shape"),
        ("{}", "bad_shape"),
        ('{"type":null}', "bad_shape"),
        ('{"type":"response.created"}', "bad_shape"),
        ('{"type":"response.created","response":"text"}', "bad_shape"),
        ('{"type":"response.created","response":{}}', "bad_shape"),
        ('{"type":"response.created","response":{"id":' + "9" * 5_000 + "}}", "bad_shape"),
        (delta(None), "bad_shape"),
        (delta("not base64"), "bad_base64"),
        (delta("AAA"), "bad_base64"),
        (delta('"},"x":{"'), "bad_base64"),
    ],
)
def test_what_is_no_event_is_refused_by_a_countable_name(text: str | bytes, kind: str) -> None:
    with pytest.raises(BadEvent) as refused:
        parse(text)
    assert refused.value.kind == kind
    assert str(refused.value) == f"{kind}: {refused.value.about}"
    assert refused.value.about


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
mutated = st.sampled_from([wire for wire, _ in SAMPLES]).flatmap(
    lambda wire: st.builds(
        lambda key, value: json.dumps({**wire, key: value}), st.sampled_from(sorted(wire)), json_like
    )
)


def outcome(text: str | bytes) -> str:
    try:
        return type(parse(text)).__name__
    except BadEvent as error:
        return error.kind


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60), json_like.map(json.dumps), mutated))
def test_any_input_is_an_event_or_a_bad_event(text: str | bytes) -> None:
    known = {kind.__name__ for kind in get_args(events.ServerEvent)}
    assert outcome(text) in known | {"not_json", "bad_shape", "bad_base64"}


COMMANDS: list[tuple[events.ClientEvent, str]] = [
    (
        events.UpdateSession({"type": "realtime", "instructions": "x"}, "s_1"),
        '{"type":"session.update","session":{"type":"realtime","instructions":"x"},"event_id":"s_1"}',
    ),
    (events.AppendAudio("AAAA"), '{"type":"input_audio_buffer.append","audio":"AAAA"}'),
    (
        events.CreateItem({"type": "function_call_output", "call_id": "c", "output": ""}, "i_2"),
        '{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"c","output":""},"event_id":"i_2"}',
    ),
    (
        events.TruncateItem("item_A", 0, 0, "t_3"),
        '{"type":"conversation.item.truncate","item_id":"item_A","audio_end_ms":0,"content_index":0,"event_id":"t_3"}',
    ),
    (events.DeleteItem("item_A", "d_4"), '{"type":"conversation.item.delete","item_id":"item_A","event_id":"d_4"}'),
    (events.CreateResponse(), '{"type":"response.create"}'),
    (
        events.CreateResponse({"instructions": "x"}, "c_5"),
        '{"type":"response.create","response":{"instructions":"x"},"event_id":"c_5"}',
    ),
    (
        events.CancelResponse("resp_1", "c_6"),
        '{"type":"response.cancel","response_id":"resp_1","event_id":"c_6"}',
    ),
]


@pytest.mark.parametrize(("command", "wire"), COMMANDS, ids=[type(command).__name__ for command, _ in COMMANDS])
def test_what_we_send_has_the_references_shape_and_is_read_back(command: events.ClientEvent, wire: str) -> None:
    assert msgspec.json.encode(command).decode() == wire
    assert parse_command(wire) == command
    check_client_event(wire)


@pytest.mark.parametrize(
    "wire",
    [
        "not json",
        "[" * 100_000,
        '{"type":"made.up"}',
        '{"type":"response.create","extra":1}',
        '{"type":"conversation.item.truncate","item_id":"A","audio_end_ms":1.5,"content_index":0}',
        '{"type":"conversation.item.truncate","item_id":"A"}',
    ],
)
def test_what_is_no_command_of_ours_is_refused(wire: str) -> None:
    with pytest.raises(BadEvent) as refused:
        parse_command(wire)
    assert refused.value.kind == "bad_command"
