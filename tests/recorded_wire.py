"""Conversations as real servers had them, and two written by hand, one in each shape, for where the recordings are not.

The recordings lie beside the project, in `shared/wire`; its README says whose they are.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from bot.realtime.session import Dialect

RECORDINGS = Path(__file__).parents[2] / "shared" / "wire"
FILES = sorted(RECORDINGS.glob("*_ws/*.yaml"))
NO_RECORDINGS = pytest.mark.skipif(not FILES, reason="the recordings of the wire are not beside the project")

Wire = dict[str, Any]


class Conversation(NamedTuple):
    """All that a server said, in order."""

    name: str
    dialect: Dialect
    received: tuple[Wire, ...]


def conversations() -> list[Conversation]:
    """Every conversation there is; never none."""
    return [*HAND_MADE, *map(_read, FILES)]


@cache
def _read(path: Path) -> Conversation:
    told = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    received = tuple(one["data"] for one in told["interactions"] if one["direction"] == "received")
    return Conversation(f"{path.parent.name}/{path.stem}", _dialect(path), received)


def _dialect(path: Path) -> Dialect:
    where = f"{path.parent.name}/{path.stem}"
    return "xai" if "xai" in where else "azure" if "azure" in where else "openai"


# ---- by hand ---------------------------------------------------------------------------------------------------------

SOUND = base64.b64encode(bytes(range(256)) * 10).decode()
PCM = {"format": {"type": "audio/pcm", "rate": 24_000}}
SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime-2.1",
    "expires_at": 1_800_000_000,
    "output_modalities": ["audio"],
    "audio": {"input": {**PCM, "transcription": None, "noise_reduction": None}, "output": {**PCM, "voice": "marin", "speed": 1.0}},
    "tools": [],
    "tracing": None,
}  # fmt: skip
USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 15, "audio_tokens": 5, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 4, "audio_tokens": 6},
}
ITEM = {"id": "A", "object": "realtime.item", "type": "message", "status": "in_progress", "role": "assistant", "phase": "final_answer", "content": []}  # fmt: skip
SAID = {**ITEM, "status": "completed", "content": [{"type": "output_audio", "transcript": "Hello there."}]}
USER = {**ITEM, "id": "U", "status": "completed", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
CALLED = {"id": "F", "object": "realtime.item", "type": "function_call", "status": "completed", "name": "look_up", "call_id": "call_1", "arguments": "{}"}  # fmt: skip
RESPONSE = {
    "object": "realtime.response",
    "id": "R",
    "status": "in_progress",
    "status_details": None,
    "output": [],
    "conversation_id": "conv_1",
    "output_modalities": ["audio"],
    "max_output_tokens": "inf",
    "audio": {"output": PCM},
    "usage": None,
    "metadata": None,
}
AT = {"response_id": "R", "item_id": "A", "output_index": 0, "content_index": 0}
TRANSCRIPTION = "conversation.item.input_audio_transcription"


def _turn(item: str) -> list[Wire]:
    return [
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": 100, "item_id": item},
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": item},
        {"type": "input_audio_buffer.committed", "previous_item_id": None, "item_id": item},
    ]


def _answer(begun: Wire, over: Wire, done: Wire) -> list[Wire]:
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "response_id": "R", "output_index": 0, "item": ITEM},
        {"type": "conversation.item.added", "previous_item_id": "U", "item": ITEM},
        {"type": "response.content_part.added", **AT, "part": {"type": "audio", "transcript": ""}},
        {"type": "response.output_audio_transcript.delta", **AT, "delta": "Hello there.", "obfuscation": "x"},
        {"type": "response.output_audio.delta", **AT, "delta": SOUND},
        {"type": "response.output_audio.delta", **AT, "delta": SOUND},
        {"type": "response.output_audio.done", **AT},
        {"type": "response.output_audio_transcript.done", **AT, "transcript": "Hello there."},
        {"type": "conversation.item.done", "previous_item_id": "U", "item": SAID},
        {"type": "response.output_item.done", "response_id": "R", "output_index": 0, "item": SAID},
        {"type": "response.output_item.done", "response_id": "R", "output_index": 1, "item": CALLED},
        {"type": "response.done", "response": over, **done},
    ]


_OPENAI: list[Wire] = [
    {"type": "session.created", "session": SESSION},
    {"type": "session.updated", "session": SESSION},
    *_turn("U"),
    {"type": "conversation.item.added", "previous_item_id": None, "item": USER},
    {"type": "conversation.item.done", "previous_item_id": None, "item": USER},
    {"type": f"{TRANSCRIPTION}.completed", "item_id": "U", "content_index": 0, "transcript": "Hi.", "usage": {"type": "duration", "seconds": 1}},
    *_answer(RESPONSE, {**RESPONSE, "status": "completed", "output": [SAID, CALLED], "usage": USAGE}, {}),
    *_turn("U2")[:1],
    {"type": f"{TRANSCRIPTION}.delta", "item_id": "U2", "content_index": 0, "delta": "Er", "obfuscation": "x"},
    *_turn("U2")[1:],
    {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 9, "remaining": 5, "reset_seconds": 1.5}]},
    {"type": "conversation.item.truncated", "item_id": "A", "content_index": 0, "audio_end_ms": 10},
    {"type": "conversation.item.deleted", "item_id": "A"},
    {"type": f"{TRANSCRIPTION}.failed", "item_id": "U2", "content_index": 0, "error": {"type": "server_error", "code": "audio_unintelligible", "message": "m", "param": None}},
    {"type": "error", "error": {"type": "invalid_request_error", "code": "invalid_value", "message": "m", "param": None, "event_id": None}},
]  # fmt: skip
_UNSAID = {"object": "realtime.response", "id": "R", "status_details": "unimplemented"}
_XAI: list[Wire] = [
    {"type": "session.created", "session": {"id": "s", "object": "realtime.session", "voice": "ara", "turn_detection": {"type": None}}},
    {"type": "conversation.created", "conversation": {"id": "c", "object": "realtime.conversation"}, "previous_item_id": None},
    {"type": "ping", "timestamp": 1_785_214_080_296, "previous_item_id": None},
    {"type": "session.updated", "session": {"audio": {"input": PCM, "output": PCM}, "model": "grok-voice-latest", "temperature": -1.0}},
    *_turn("U"),
    {"type": f"{TRANSCRIPTION}.updated", "item_id": "U", "content_index": 0, "transcript": "Hi", "previous_item_id": None},
    *_answer(
        {**_UNSAID, "status": "in_progress", "output": []},
        {**_UNSAID, "status": "completed", "output": [SAID]},
        {"response_id": "R", "usage": {"input_tokens": 5, "output_tokens": 42, "output_audio_seconds": 0.77, "billable_audio_seconds": 1}},
    ),
]  # fmt: skip
HAND_MADE = [
    Conversation("by hand, as OpenAI", "openai", tuple({**one, "event_id": "e"} for one in _OPENAI)),
    Conversation("by hand, as xAI", "xai", tuple({**one, "event_id": "e"} for one in _XAI)),
]
