"""The session object we ask for, and the check of what we were given (openai-realtime 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from bot.audio.transcode import FORMATS, LINE, Format
from bot.models import takes_reasoning
from bot.realtime.events import Format as EchoedFormat
from bot.realtime.events import Session
from bot.realtime.remote_server import RemoteServer

Dialect = Literal["openai", "azure", "xai"]
"""The maker of the server. Azure's differs in the handshake only, xAI's in the session (openai-realtime 1.4, 1.5)."""
PCM_RATE = 24_000
XAI_TRANSCRIBER = "grok-transcribe"
"""xAI's transcription model: it comes with the session and is not billed apart."""
END_CALL = "end_call"
"""The function every session has: end the call once its goodbye has been heard."""
SEND_DIGITS = "send_digits"
"""The function that presses keys for the bot."""
NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class FunctionTool(msgspec.Struct, frozen=True):
    """A function that the model may call. `parameters` is the JSON schema of its arguments, an object."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: dict(NO_PARAMETERS))

    def shown(self) -> dict[str, Any]:
        """The tool as `session.tools` has it: flat (openai-realtime 2)."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }


class TurnDetection(msgspec.Struct, frozen=True):
    """Turn detection (openai-realtime 2.2). `eagerness` is for semantic_vad; the others for server_vad, times in ms."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"

    @property
    def longest_silence_ms(self) -> int:
        """Silence after which a turn is over at the latest."""
        return _LONGEST_MS[self.eagerness] if self.type == "semantic_vad" else self.silence_duration_ms


_LONGEST_MS = {"low": 8_000, "medium": 4_000, "auto": 4_000, "high": 2_000}
"""Longest wait of semantic_vad by eagerness (openai-realtime 2.2)."""


class SessionSettings(msgspec.Struct, frozen=True):
    """Settings of a session. Empty strings and None leave the server's default.

    xAI is told the instructions, the voice, the speed, the audio and server_vad: of the rest it may know nothing.
    """

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
    audio: Format = LINE
    """Asked for both ways. What the server then says it does counts."""
    dialect: Dialect = "openai"
    tools: tuple[FunctionTool, ...] = ()
    """Functions the model may call beside the one that ends the call."""
    servers: tuple[RemoteServer, ...] = ()
    """Remote MCP servers whose tools the model may use."""

    @property
    def can_leave_turns(self) -> bool:
        """True when the server can be told to listen and yet neither cancel nor answer by itself.

        xAI's can't: it has no flags for that, and without turn_detection it does not listen at all.
        """
        return self.dialect != "xai"

    @property
    def can_truncate(self) -> bool:
        """True when the server can be told how much of an item was heard: xAI's can't (openai-realtime W8)."""
        return self.dialect != "xai"

    @property
    def tells_offsets(self) -> bool:
        """True when the server tells begin and end of speech on the clock of the audio it was sent."""
        return self.dialect != "xai"


_DEFAULTS = SessionSettings()


def turn_detection(chosen: TurnDetection, *, server_owns_turns: bool) -> dict[str, Any]:
    """The turn_detection object. Both flags false: events only, we cancel and create by hand (openai-realtime 2.2)."""
    flags = {"create_response": server_owns_turns, "interrupt_response": server_owns_turns}
    if chosen.type == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": chosen.eagerness, **flags}
    return {**_server_vad(chosen), **flags}


def session_object(chosen: SessionSettings, *, server_owns_turns: bool) -> dict[str, Any]:
    """The whole `session` of the first session.update."""
    if chosen.dialect == "xai":
        return _xai_session(chosen)
    listening: dict[str, Any] = {
        "format": _format(chosen.audio),
        "turn_detection": turn_detection(chosen.turn_detection, server_owns_turns=server_owns_turns),
    }
    if chosen.noise_reduction:
        listening["noise_reduction"] = {"type": chosen.noise_reduction}
    if chosen.transcription_model:
        listening["transcription"] = {"model": chosen.transcription_model}
        if chosen.language:
            listening["transcription"]["language"] = chosen.language
    voice = {"id": chosen.voice} if chosen.voice.startswith("voice_") else chosen.voice
    output: dict[str, Any] = {"format": _format(chosen.audio), "voice": voice}
    if chosen.speed is not None:
        output["speed"] = chosen.speed
    session: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": chosen.instructions,
        "audio": {"input": listening, "output": output},
        "tools": _tools(chosen),
        "tool_choice": "auto",
    }
    return {**session, **_bounds(chosen)}


def text_session_object(chosen: SessionSettings, functions: Sequence[FunctionTool]) -> dict[str, Any]:
    """The `session` of one that only writes, to a client that only writes; it has these functions and no other."""
    return {
        "type": "realtime",
        "output_modalities": ["text"],
        "instructions": chosen.instructions,
        "tools": [tool.shown() for tool in functions],
        "tool_choice": "auto",
        **_bounds(chosen),
    }


def _bounds(chosen: SessionSettings) -> dict[str, Any]:
    """How long the model may think and talk, where that is chosen."""
    session: dict[str, Any] = {}
    if chosen.reasoning_effort and takes_reasoning(chosen.model):
        session["reasoning"] = {"effort": chosen.reasoning_effort}
    if chosen.max_output_tokens is not None:
        session["max_output_tokens"] = chosen.max_output_tokens
    return session


def _xai_session(chosen: SessionSettings) -> dict[str, Any]:
    """XAI's shape: no `type`, voice and turn_detection at the top, nothing it may not know (openai-realtime 1.5)."""
    output: dict[str, Any] = {"format": _format(chosen.audio)}
    listening = {**output, "transcription": {"model": XAI_TRANSCRIBER}}
    if chosen.speed is not None:
        output["speed"] = chosen.speed
    session: dict[str, Any] = {
        "instructions": chosen.instructions,
        "turn_detection": _server_vad(chosen.turn_detection),
        "audio": {"input": listening, "output": output},
        "tools": _tools(chosen),
    }
    if chosen.voice:
        session["voice"] = chosen.voice
    return session


def turns_update(chosen: TurnDetection, *, server_owns_turns: bool) -> dict[str, Any]:
    """A later update of who owns the turns; formats are left out on purpose (openai-realtime pitfall 8)."""
    return {
        "type": "realtime",
        "audio": {"input": {"turn_detection": turn_detection(chosen, server_owns_turns=server_owns_turns)}},
    }


def formats(session: Session, chosen: SessionSettings = _DEFAULTS) -> tuple[Format, Format] | None:
    """The formats that the session hears and speaks (openai-realtime pitfalls 8 and 9); None: one can't be converted.

    Where it says nothing it does what it was asked for: an update is taken whole or refused (openai-realtime 2).
    """
    heard, spoken = (_spoken_of(side.format, chosen.audio) for side in (session.audio.input, session.audio.output))
    return None if heard is None or spoken is None else (heard, spoken)


def _spoken_of(echo: EchoedFormat, unsaid: Format) -> Format | None:
    if echo.type is None:
        return unsaid
    kind = next((one for one in FORMATS if one == echo.type.strip().lower()), None)
    other_rate = echo.rate is not None and echo.rate % 1 == 0 and echo.rate != PCM_RATE
    return None if kind == "audio/pcm" and other_rate else kind


def _format(audio: Format) -> dict[str, Any]:
    """An audio format object. Only PCM has a rate, and only this one (openai-realtime 2.1)."""
    return {"type": audio, "rate": PCM_RATE} if audio == "audio/pcm" else {"type": audio}


def _server_vad(chosen: TurnDetection) -> dict[str, Any]:
    return {
        "type": "server_vad",
        "threshold": chosen.threshold,
        "prefix_padding_ms": chosen.prefix_padding_ms,
        "silence_duration_ms": chosen.silence_duration_ms,
    }


END_CALL_TOOL = FunctionTool(
    END_CALL, "End the phone call. Say goodbye first; the line stays open until your goodbye has been heard."
)
SEND_DIGITS_TOOL = FunctionTool(
    SEND_DIGITS,
    "Press keys of the telephone for whoever is on the line, such as a menu that asks for a number. Nothing is heard "
    "while they are sent.",
    {
        "type": "object",
        "properties": {
            "digits": {
                "type": "string",
                "description": "Keys in order: 0-9, * and #, up to 32; w waits half a second, W a whole one.",
            }
        },
        "required": ["digits"],
    },
)


def _tools(chosen: SessionSettings) -> list[dict[str, Any]]:
    functions = [tool.shown() for tool in (END_CALL_TOOL, *chosen.tools)]
    return [*functions, *(server.shown() for server in chosen.servers)]
