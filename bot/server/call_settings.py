"""From the operator's settings to what one call needs to know."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

from bot.audio import wav
from bot.call.settings import CallSettings
from bot.config import Settings
from bot.realtime.session import SessionSettings, TurnDetection


def call_settings(settings: Settings, call_sid: str, account_sid: str) -> CallSettings:
    """The settings of the call `call_sid`. No caller's name or number is among them."""
    return CallSettings(
        session=session_settings(settings),
        greeting=settings.greeting,
        greeting_audio=recording(settings.greeting_audio) if settings.greeting_audio and settings.greeting else "",
        barge_in=settings.barge_in,
        max_call_s=settings.max_call_s,
        idle_s=settings.idle_s,
        response_s=settings.response_s,
        call_sid=call_sid,
        account_sid=account_sid,
    )


@cache
def recording(path: Path) -> str:
    """A WAV file as a payload, read once. Raises BadWav and OSError."""
    return base64.b64encode(wav.read(path)).decode()


def session_settings(settings: Settings) -> SessionSettings:
    """The operator's part of a Realtime session."""
    return SessionSettings(
        model=settings.openai_realtime_model,
        instructions=settings.instructions,
        voice=settings.voice,
        speed=settings.speed,
        reasoning_effort=settings.reasoning_effort,
        max_output_tokens=settings.max_output_tokens,
        transcription_model=settings.transcription_model,
        language=settings.language,
        noise_reduction=settings.noise_reduction,
        turn_detection=TurnDetection(
            type=settings.turn_detection,
            threshold=settings.vad_threshold,
            prefix_padding_ms=settings.vad_prefix_ms,
            silence_duration_ms=settings.vad_silence_ms,
            eagerness=settings.vad_eagerness,
        ),
    )
