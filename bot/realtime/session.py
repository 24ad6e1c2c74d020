"""The session object we ask for, and the check of what we were given (openai-realtime.md, section 2)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bot.realtime.events import Session

PCMU = "audio/pcmu"
HANG_UP = "hang_up"
"""The one function the model has: end the call once its goodbye has been heard."""


class TurnDetection(msgspec.Struct, frozen=True):
    """Section 2.2. `eagerness` is for semantic_vad; the other three for server_vad, times in ms."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"


class SessionSettings(msgspec.Struct, frozen=True):
    """What an operator can choose of a session. Empty strings and None leave the server's default."""

    model: str = "gpt-realtime-2.1"
    instructions: str = ""
    voice: str = "marin"
    speed: float | None = None
    reasoning_effort: str = ""
    max_output_tokens: int | None = None
    transcription_model: str = ""
    language: str = ""
    noise_reduction: str = ""
    turn_detection: TurnDetection = TurnDetection()


def takes_reasoning(model: str) -> bool:
    """Whether `model` accepts `reasoning`: the gpt-realtime-2 family (section 2)."""
    return model.startswith("gpt-realtime-2")


def turn_detection(chosen: TurnDetection, *, server_owns_turns: bool) -> dict[str, Any]:
    """The turn_detection object. Both flags false: events only, we cancel and create ourselves (section 2.2)."""
    flags = {"create_response": server_owns_turns, "interrupt_response": server_owns_turns}
    if chosen.type == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": chosen.eagerness, **flags}
    return {
        "type": "server_vad",
        "threshold": chosen.threshold,
        "prefix_padding_ms": chosen.prefix_padding_ms,
        "silence_duration_ms": chosen.silence_duration_ms,
        **flags,
    }


def session_object(chosen: SessionSettings, *, server_owns_turns: bool) -> dict[str, Any]:
    """The whole `session` of the first session.update, G.711 mu-law both ways."""
    listening: dict[str, Any] = {
        "format": {"type": PCMU},
        "turn_detection": turn_detection(chosen.turn_detection, server_owns_turns=server_owns_turns),
    }
    if chosen.noise_reduction:
        listening["noise_reduction"] = {"type": chosen.noise_reduction}
    if chosen.transcription_model:
        listening["transcription"] = {"model": chosen.transcription_model}
        if chosen.language:
            listening["transcription"]["language"] = chosen.language
    voice = {"id": chosen.voice} if chosen.voice.startswith("voice_") else chosen.voice
    speaking: dict[str, Any] = {"format": {"type": PCMU}, "voice": voice}
    if chosen.speed is not None:
        speaking["speed"] = chosen.speed
    session: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": chosen.instructions,
        "audio": {"input": listening, "output": speaking},
        "tools": [_HANG_UP_TOOL],
        "tool_choice": "auto",
    }
    if chosen.reasoning_effort and takes_reasoning(chosen.model):
        session["reasoning"] = {"effort": chosen.reasoning_effort}
    if chosen.max_output_tokens is not None:
        session["max_output_tokens"] = chosen.max_output_tokens
    return session


def turns_update(chosen: TurnDetection, *, server_owns_turns: bool) -> dict[str, Any]:
    """A later update that moves nothing but who owns the turns; formats are left out on purpose (pitfall 8)."""
    return {
        "type": "realtime",
        "audio": {"input": {"turn_detection": turn_detection(chosen, server_owns_turns=server_owns_turns)}},
    }


def format_mismatch(session: Session) -> str:
    """In words, how the echoed formats differ from mu-law both ways; empty when they do not (pitfalls 8 and 9)."""
    heard, spoken = session.audio.input.format.type, session.audio.output.format.type
    if heard == spoken == PCMU:
        return ""
    return f"asked for {PCMU} both ways, the session has input {heard or 'unset'} and output {spoken or 'unset'}"


_HANG_UP_TOOL: dict[str, Any] = {
    "type": "function",
    "name": HANG_UP,
    "description": "End the phone call. Say goodbye first; the line stays open until your goodbye has been heard.",
    "parameters": {"type": "object", "properties": {}},
}
