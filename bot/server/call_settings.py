"""From the operator's settings to what one call needs to know."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

from bot.audio import fillers, wav
from bot.audio.payload import BYTES_PER_MS, payload_bytes
from bot.audio.transcode import Format
from bot.call.settings import CallSettings
from bot.config import Settings
from bot.realtime.session import SessionSettings, TurnDetection
from bot.server.money import call_money

_FORMATS: dict[str, Format] = {"pcmu": "audio/pcmu", "pcma": "audio/pcma", "pcm": "audio/pcm"}

FILLER_S = 5
"""The longest filler: what is said meanwhile waits behind it."""


def call_settings(settings: Settings, call_sid: str, account_sid: str) -> CallSettings:
    """The settings of the call `call_sid`. No caller's name or number is among them."""
    return CallSettings(
        session=session_settings(settings),
        greeting=settings.greeting,
        greeting_audio=recording(settings.greeting_audio) if settings.greeting_audio and settings.greeting else "",
        announcement=settings.announcement if settings.announcement_audio else "",
        announcement_audio=recording(settings.announcement_audio) if settings.announcement_audio else "",
        barge_in=settings.barge_in,
        max_call_s=settings.max_call_s,
        idle_s=settings.idle_s,
        no_progress_s=settings.no_progress_s,
        response_s=settings.response_s,
        filler_s=settings.filler_s,
        filler_audio=filler(settings.filler_file) if settings.filler_file else shipped(settings.language, "moment"),
        apology_audio=shipped(settings.language, "apology"),
        call_sid=call_sid,
        account_sid=account_sid,
        money=call_money(settings),
    )


@cache
def recording(path: Path) -> str:
    """A WAV file as a payload, read once. Raises BadWav and OSError."""
    return base64.b64encode(wav.read(path)).decode()


@cache
def filler(path: Path) -> str:
    """A filler of the operator's as a payload. Raises BadWav, also for one that an answer must not wait for."""
    audio = recording(path)
    if payload_bytes(audio) > FILLER_S * 1000 * BYTES_PER_MS:
        raise wav.BadWav(f"{path} is longer than {FILLER_S} seconds")
    return audio


@cache
def shipped(language: str, name: fillers.Name) -> str:
    """A recording of ours as a payload."""
    return base64.b64encode(fillers.filler(language, name).audio).decode()


def session_settings(settings: Settings) -> SessionSettings:
    """The operator's part of a Realtime session."""
    return SessionSettings(
        model=settings.openai_realtime_model,
        instructions=settings.instructions,
        voice=settings.chosen_voice,
        speed=settings.speed,
        reasoning_effort=settings.reasoning_effort,
        max_output_tokens=settings.max_output_tokens,
        transcription_model=settings.transcriber,
        language=settings.language,
        noise_reduction=settings.noise_reduction,
        turn_detection=TurnDetection(
            type=settings.turn_detection,
            threshold=settings.vad_threshold,
            prefix_padding_ms=settings.vad_prefix_ms,
            silence_duration_ms=settings.vad_silence_ms,
            eagerness=settings.vad_eagerness,
        ),
        audio=_FORMATS[settings.model_audio],
        dialect=settings.dialect,
    )
