from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from bot.realtime import events
from bot.realtime.session import SessionSettings, TurnDetection, session_object, turns_update
from bot.testing.virtual.client_event_schema import BadClientEvent, check_client_event


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def listening(**fields: Any) -> dict[str, Any]:
    return update(audio={"input": fields})


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


TRUNCATE = {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 20}

BAD = {
    "an unknown key at the top": {"type": "response.cancel", "reason": "barge-in"},
    "an unknown key in the session": update(voice="marin"),
    "an unknown key deep in the session": listening(turn_detection={"type": "server_vad", "silence_ms": 500}),
    "a rate on pcmu": listening(format={"type": "audio/pcmu", "rate": 8000}),
    "pcm below 24000": listening(format={"type": "audio/pcm", "rate": 16000}),
    "the beta session shape": {"type": "session.update", "session": {"modalities": ["audio"], "voice": "alloy"}},
    "a session without its type": {"type": "session.update", "session": {"instructions": "hi"}},
    "temperature": update(temperature=0.8),
    "a text where an integer goes": {**TRUNCATE, "audio_end_ms": "20"},
    "a fraction where an integer goes": {**TRUNCATE, "audio_end_ms": 20.5},
    "a boolean where an integer goes": {**TRUNCATE, "content_index": False},
    "a number where a boolean goes": listening(turn_detection={"type": "server_vad", "create_response": 1}),
    "a text where a number goes": update(audio={"output": {"speed": "1.0"}}),
    "a wrong enum": listening(noise_reduction={"type": "middle_field"}),
    "both modalities by their old name": update(output_modalities=["audio", "speech"]),
    "a truncate without its item": {key: value for key, value in TRUNCATE.items() if key != "item_id"},
    "a delete without its item": {"type": "conversation.item.delete"},
    "audio that is a list": {"type": "input_audio_buffer.append", "audio": ["////"]},
    "an unknown key in an item's content": item(
        type="message", role="user", content=[{"type": "input_text", "text": "hi", "lang": "en"}]
    ),
    "a number in an item's content": item(type="message", role="user", content=[{"type": "input_text", "text": 5}]),
    "a nested tool": update(tools=[{"type": "function", "function": {"name": "end_call"}}]),
    "strict on a tool": update(tools=[{"type": "function", "name": "end_call", "strict": True}]),
    "a bad item in a response's input": {
        "type": "response.create",
        "response": {"input": [{"type": "message", "role": "user", "content": [{"type": "audio"}]}]},
    },
    "an unknown event": {"type": "response.truncate"},
    "an event of WebRTC only": {"type": "output_audio_buffer.clear"},
    "no type": {"audio": "////"},
    "a list": [],
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD.keys())
def test_what_the_types_do_not_allow_is_refused(message: Any) -> None:
    with pytest.raises(BadClientEvent):
        check_client_event(json.dumps(message))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(BadClientEvent, match="no JSON"):
        check_client_event("{")


def test_the_refusal_names_the_place() -> None:
    with pytest.raises(BadClientEvent, match="audio_end_ms"):
        check_client_event(json.dumps({**TRUNCATE, "audio_end_ms": "20"}))


COMMANDS = [
    events.UpdateSession({"type": "realtime"}, event_id="c1"),
    events.AppendAudio("////"),
    events.CreateItem({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}, "c2"),
    events.CreateItem({"type": "function_call_output", "call_id": "call_1", "output": "{}"}),
    events.TruncateItem("item_1", 20, 0, "c3"),
    events.DeleteItem("item_1", "c4"),
    events.CreateResponse(),
    events.CreateResponse({"instructions": "Say hello.", "metadata": {"why": "greeting"}}, "c5"),
    events.CreateResponse({"conversation": "none", "input": [], "output_modalities": ["text"]}),
    events.CancelResponse("resp_1", "c6"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_our_commands_are_accepted(command: events.ClientEvent) -> None:
    check_client_event(msgspec.json.encode(command).decode())


SETTINGS = [
    SessionSettings(),
    SessionSettings(model="gpt-realtime-1.5", reasoning_effort="minimal", voice="cedar"),
    SessionSettings(turn_detection=TurnDetection(type="semantic_vad", eagerness="low")),
    SessionSettings(
        instructions="Be brief.",
        speed=1.25,
        reasoning_effort="minimal",
        max_output_tokens=400,
        transcription_model="gpt-transcribe",
        language="en",
        noise_reduction="far_field",
    ),
]


@pytest.mark.parametrize("chosen", SETTINGS)
@pytest.mark.parametrize("server_owns_turns", [True, False])
def test_our_sessions_are_accepted(chosen: SessionSettings, server_owns_turns: bool) -> None:
    whole = session_object(chosen, server_owns_turns=server_owns_turns)
    later = turns_update(chosen.turn_detection, server_owns_turns=server_owns_turns)
    for session in (whole, later):
        check_client_event(msgspec.json.encode(events.UpdateSession(session)).decode())
