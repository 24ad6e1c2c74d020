"""The session object as xAI has it, to and from the shape the simulated session works with (openai-realtime W8).

xAI's own rules that nobody has written down or recorded are taken to be OpenAI's, but that it honours a false flag of
turn_detection, which nobody has seen. Of its PCM rates the simulated session speaks 24,000 alone.
"""

from __future__ import annotations

import copy
from typing import Any

from bot.testing.model.protocol import session_object
from bot.testing.model.protocol import shapes as is_

Json = dict[str, Any]

_server_vad = is_.obj(
    {
        "type": is_.text,
        "threshold": is_.number(0.1, 0.9),
        "prefix_padding_ms": is_.integer(0, 10_000),
        "silence_duration_ms": is_.integer(0, 10_000),
        "idle_timeout_ms": is_.nullable(is_.integer(0)),
        "create_response": is_.one_of(True),
        "interrupt_response": is_.one_of(True),
    }
)
_turn_detection = is_.tagged({"server_vad": _server_vad, None: is_.obj({"type": is_.anything})})
_input = is_.obj(
    {"format": session_object.audio_format, "transcription": is_.obj({"model": is_.text, "language": is_.text})}
)
_output = is_.obj({"format": session_object.audio_format, "speed": is_.number(0.7, 1.5)})
_session = is_.obj(
    {
        "instructions": is_.text,
        "voice": is_.text,
        "turn_detection": is_.nullable(_turn_detection),
        "audio": is_.obj({"input": _input, "output": _output}),
        "tools": is_.every(session_object.tool),
        "reasoning": is_.obj({"effort": is_.one_of("none", "minimal", "low", "medium", "high")}),
        "resumption": is_.obj({"enabled": is_.boolean}),
    }
)
_KEPT_APART = ("reasoning", "resumption")
NO_TURNS: Json = {"type": None}
_CONSTANT: Json = {
    "enable_noise_suppression": True,
    "keep_context": False,
    "enable_phonetic_spelling": False,
    "modalities": ["audio"],
    "input_audio_format": "not specified",
    "output_audio_format": "not specified",
    "tool_choice": "auto",
    "temperature": -1.0,
    "max_response_output_tokens": "inf",
}


def inward(update: Json) -> Json:
    """XAI's update in OpenAI's shape. Raises Refused for what xAI does not know, `type` included."""
    _session(update, "session")
    changed = {key: copy.deepcopy(value) for key, value in update.items() if key not in _KEPT_APART}
    audio = changed.setdefault("audio", {})
    if "turn_detection" in changed:
        turns = changed.pop("turn_detection")
        audio.setdefault("input", {})["turn_detection"] = None if turns in (None, NO_TURNS) else turns
    if "voice" in changed:
        audio.setdefault("output", {})["voice"] = changed.pop("voice")
    return changed


def opened(session: Json) -> Json:
    """The session as session.created has it."""
    return {
        "id": session["id"],
        "object": session["object"],
        "instructions": "",
        "voice": session["audio"]["output"]["voice"],
        "modalities": ["audio"],
        "turn_detection": NO_TURNS,
        "tools": [],
        "model": session["model"],
    }


def outward(session: Json, asked: Json) -> Json:
    """The session as session.updated has it: what was `asked` for as it was asked, and what nobody can ask for."""
    echo = {**copy.deepcopy(_CONSTANT), "instructions": session["instructions"], "model": session["model"]}
    echo["turn_detection"] = asked.get("turn_detection") or NO_TURNS
    echo |= {key: asked[key] for key in ("voice", *_KEPT_APART) if key in asked}
    if asked.get("tools"):
        echo["tools"] = [_nested(tool) for tool in asked["tools"]]
    sides = {}
    for side in ("input", "output"):
        wanted = asked.get("audio", {}).get(side, {})
        sides[side] = {**wanted, "transport": "json"}
        if "format" in wanted:
            sides[side]["format"] = session["audio"][side]["format"]
    if "transcription" in sides["input"]:
        echo["input_audio_transcription"] = sides["input"]["transcription"]
    return {**echo, "audio": sides}


def _nested(tool: Json) -> Json:
    """A function, its name and all else a level deeper than it was asked for."""
    if tool["type"] != "function":
        return tool
    return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}


def opening(session: Json) -> Json:
    """A new session, which listens for no turns and writes nothing down until it is told to."""
    opening = copy.deepcopy(session)
    opening["instructions"] = ""
    opening["audio"]["output"]["voice"] = "ara"
    opening["audio"]["input"]["turn_detection"] = None
    return opening
