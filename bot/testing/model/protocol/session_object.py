"""The session object: what it is at first, what an update may change, what is refused (openai-realtime 2)."""

from __future__ import annotations

import copy
from typing import Any

from bot.models import takes_reasoning
from bot.testing.model.protocol import shapes as is_
from bot.testing.model.protocol.refusal import Refused, wrong_value

Json = dict[str, Any]

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
REASONING_ONLY = ("reasoning", "parallel_tool_calls")

_SERVER_VAD: Json = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_VAD: Json = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
_DEFAULTS_OF: dict[str, Json] = {"server_vad": _SERVER_VAD, "semantic_vad": _SEMANTIC_VAD}
"""Defaults of the older models; those that reason wait for longer (openai-realtime W1)."""

audio_format = is_.tagged(
    {
        "audio/pcm": is_.obj({"type": is_.text, "rate": is_.integer(24000, 24000)}),
        "audio/pcmu": is_.obj({"type": is_.text}),
        "audio/pcma": is_.obj({"type": is_.text}),
    }
)
"""`rate` on G.711 is no field of the schema; whether the real server minds is unknown, so it is refused here (2.1)."""
voice = is_.either(is_.one_of(*VOICES), is_.obj({"id": is_.text}, "id"))
max_output_tokens = is_.either(is_.one_of("inf"), is_.integer(1, 4096))
modalities = is_.one_of(["audio"], ["text"])
tool = is_.tagged(
    {
        "function": is_.obj(
            {"type": is_.text, "name": is_.text, "description": is_.text, "parameters": is_.mapping}, "name"
        ),
        "mcp": is_.mapping,
    }
)
tool_choice = is_.either(
    is_.one_of("none", "auto", "required"),
    is_.tagged(
        {
            "function": is_.obj({"type": is_.text, "name": is_.text}, "name"),
            "mcp": is_.obj(
                {"type": is_.text, "server_label": is_.text, "name": is_.nullable(is_.text)}, "server_label"
            ),
        }
    ),
)
reasoning = is_.obj({"effort": is_.one_of("minimal", "low", "medium", "high", "xhigh")})
_flags: dict[str, is_.Check] = {
    "type": is_.text,
    "create_response": is_.boolean,
    "interrupt_response": is_.boolean,
}
_turn_detection = is_.tagged(
    {
        "server_vad": is_.obj(
            {
                **_flags,
                "threshold": is_.number(0, 1),
                "prefix_padding_ms": is_.integer(0),
                "silence_duration_ms": is_.integer(0),
                "idle_timeout_ms": is_.nullable(is_.integer(5000, 30000)),
            }
        ),
        "semantic_vad": is_.obj({**_flags, "eagerness": is_.one_of("low", "medium", "high", "auto")}),
    }
)
_transcription = is_.obj(
    {
        "model": is_.text,
        "language": is_.text,
        "prompt": is_.text,
        "languages": is_.every(is_.text),
        "keywords": is_.every(is_.text),
        "delay": is_.one_of("minimal", "low", "medium", "high", "xhigh"),
    }
)
_input = is_.obj(
    {
        "format": audio_format,
        "turn_detection": is_.nullable(_turn_detection),
        "noise_reduction": is_.nullable(
            is_.obj({"type": is_.one_of("near_field", "far_field"), "strength": is_.number(0, 1)})
        ),
        "transcription": is_.nullable(_transcription),
    }
)
_output = is_.obj({"format": audio_format, "voice": voice, "speed": is_.number(0.25, 1.5)})
_truncation = is_.either(
    is_.one_of("auto", "disabled"),
    is_.obj(
        {
            "type": is_.one_of("retention_ratio"),
            "retention_ratio": is_.number(0, 1),
            "token_limits": is_.obj({"post_instructions": is_.integer(0)}),
        },
        "type",
        "retention_ratio",
    ),
)
shape = is_.obj(
    {
        "type": is_.one_of("realtime"),
        "model": is_.text,
        "output_modalities": modalities,
        "instructions": is_.text,
        "audio": is_.obj({"input": _input, "output": _output}),
        "tools": is_.every(tool),
        "tool_choice": tool_choice,
        "parallel_tool_calls": is_.boolean,
        "reasoning": reasoning,
        "max_output_tokens": max_output_tokens,
        "truncation": _truncation,
        "tracing": is_.nullable(is_.either(is_.one_of("auto"), is_.mapping)),
        "include": is_.nullable(is_.every(is_.one_of("item.input_audio_transcription.logprobs"))),
        "prompt": is_.nullable(is_.mapping),
    },
    "type",
)


def reasons(model: str) -> bool:
    """True when a model is of the family that reasons."""
    return takes_reasoning(model)


def opening(session_id: str, model: str, expires_at: int) -> Json:
    """The session of session.created, with the defaults of this model (openai-realtime W1)."""
    newer = reasons(model)
    turns = {**_SERVER_VAD, "silence_duration_ms": 500} if newer else dict(_SERVER_VAD)
    spoken = {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin" if newer else "alloy", "speed": 1.0}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "expires_at": expires_at,
        "output_modalities": ["audio"],
        "instructions": "You are a helpful, witty, and friendly AI.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "turn_detection": turns,
                "noise_reduction": None,
                "transcription": None,
            },
            "output": spoken,
        },
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tracing": None,
        "prompt": None,
        "include": None,
    }


def shown(session: Json) -> Json:
    """The session as it is echoed, a copy: without what is for models that reason (openai-realtime W4)."""
    echo = {key: value for key, value in copy.deepcopy(session).items() if key not in REASONING_ONLY}
    listening = echo["audio"]["input"]
    if listening["transcription"] is not None:
        listening["transcription"] = {"language": None, "prompt": None, **listening["transcription"]}
    return echo


def updated(session: Json, update: Json, *, voice_locked: bool) -> Json:
    """`session` after `update`, itself untouched. Raises Refused, and then nothing of the update holds."""
    shape(update, "session")
    return merged(session, update, voice_locked=voice_locked)


def merged(session: Json, update: Json, *, voice_locked: bool) -> Json:
    """The session after an update whose shape is right. Raises Refused."""
    if update.get("model", session["model"]) != session["model"]:
        raise wrong_value("session.model", f"'{session['model']}': a session keeps its model")
    refuse_reasoning(session["model"], update, "session")
    after = copy.deepcopy(session)
    _merge(after, update)
    if voice_locked and after["audio"]["output"]["voice"] != session["audio"]["output"]["voice"]:
        raise Refused(
            "cannot_update_voice",
            "Cannot update a conversation's voice if assistant audio is present.",
            "session.audio.output.voice",
        )
    return after


def refuse_reasoning(model: str, update: Json, param: str) -> None:
    """Raises Refused when `update` has what only reasoning models take and `model` is none."""
    for key in REASONING_ONLY:
        if key in update and not reasons(model):
            raise Refused("unknown_parameter", f"'{key}' is not supported with the '{model}' model.", f"{param}.{key}")


def merge_asked(asked: Json, update: Json) -> None:
    """Merge an update into what was asked for so far."""
    for key, value in update.items():
        if isinstance(value, dict) and isinstance(asked.get(key), dict) and key not in {"format", "turn_detection"}:
            merge_asked(asked[key], value)
        else:
            asked[key] = copy.deepcopy(value)


def _merge(into: Json, update: Json) -> None:
    """Present keys change, nested objects merge; a new kind of format or turn detection starts from its defaults."""
    for key, value in update.items():
        present = into.get(key)
        if not isinstance(value, dict) or key in {"format", "voice", "tool_choice", "truncation"}:
            into[key] = {"rate": 24000, **value} if _is_pcm(value) else value
        elif key == "turn_detection":
            same = isinstance(present, dict) and present["type"] == value["type"]
            into[key] = {**(present if same and present else _DEFAULTS_OF[value["type"]]), **value}
        elif isinstance(present, dict):
            _merge(present, value)
        else:
            into[key] = dict(value)


def _is_pcm(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "audio/pcm"
