"""Settings of a call, as they follow from the operator's."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from bot.audio import fillers, wav
from bot.audio.payload import payload_bytes
from bot.call.settings import CallSettings, Money
from bot.config import load_settings
from bot.realtime.session import SessionSettings, TurnDetection
from bot.realtime.usage import PerMinute, PerToken
from bot.server.setup.call_settings import call_settings


def payload(language: str, name: fillers.Name) -> str:
    return base64.b64encode(fillers.filler(language, name).audio).decode()


def test_every_choice_of_the_operator_reaches_the_call() -> None:
    settings = load_settings(
        {
            "OPENAI_REALTIME_MODEL": "gpt-realtime-2.1-mini",
            "BOT_INSTRUCTIONS": "Be brief.",
            "BOT_GREETING": "Good morning.",
            "BOT_VOICE": "ash",
            "BOT_DIALECT": "azure",
            "BOT_MODEL_AUDIO": "pcma",
            "BOT_SPEED": "1.2",
            "BOT_LANGUAGE": "de",
            "BOT_REASONING_EFFORT": "low",
            "BOT_MAX_OUTPUT_TOKENS": "4096",
            "BOT_TRANSCRIPTION_MODEL": "gpt-live-transcribe",
            "BOT_NOISE_REDUCTION": "near_field",
            "BOT_TURN_DETECTION": "semantic_vad",
            "BOT_VAD_THRESHOLD": "0.9",
            "BOT_VAD_SILENCE_MS": "700",
            "BOT_VAD_PREFIX_MS": "200",
            "BOT_VAD_EAGERNESS": "high",
            "BOT_BARGE_IN": "off",
            "BOT_MAX_CALL_SECONDS": "600",
            "BOT_IDLE_SECONDS": "45",
            "BOT_NO_PROGRESS_SECONDS": "120",
            "BOT_RESPONSE_SECONDS": "4",
            "BOT_FILLER_SECONDS": "1",
            "BOT_MAX_CALL_USD": "0.5",
            "BOT_MAX_DAILY_USD": "20",
            "BOT_TWILIO_USD_PER_MINUTE": "0.0125",
        }
    )
    assert call_settings(settings, "CA1", "AC1") == CallSettings(
        session=SessionSettings(
            model="gpt-realtime-2.1-mini",
            instructions="Be brief.",
            voice="ash",
            speed=1.2,
            reasoning_effort="low",
            max_output_tokens=4096,
            transcription_model="gpt-live-transcribe",
            language="de",
            noise_reduction="near_field",
            turn_detection=TurnDetection("semantic_vad", 0.9, 200, 700, "high"),
            audio="audio/pcma",
            dialect="azure",
        ),
        greeting="Good morning.",
        barge_in="off",
        max_call_s=600,
        idle_s=45,
        no_progress_s=120,
        response_s=4,
        filler_s=1,
        filler_audio=payload("de", "moment"),
        apology_audio=payload("de", "apology"),
        call_sid="CA1",
        account_sid="AC1",
        money=Money(
            model=PerToken(600, 60, 2_400, 10_000, 300, 20_000, 800, 80),
            transcription=PerMinute(17_000_000),
            line_minute=12_500_000,
            call_cap=500_000_000,
            daily_cap=20_000_000_000,
        ),
    )


def test_what_the_operator_leaves_open_is_left_to_the_server() -> None:
    session = call_settings(load_settings({"BOT_TRANSCRIPTION_MODEL": "off", "BOT_GREETING": "off"}), "", "").session
    assert (session.speed, session.max_output_tokens) == (None, None)
    assert (session.transcription_model, session.language, session.noise_reduction) == ("", "", "")


def test_xai_keeps_its_own_voice_and_writes_down_words_at_no_price() -> None:
    chosen = call_settings(load_settings({"BOT_DIALECT": "xai"}), "", "")
    assert (chosen.session.voice, chosen.session.transcription_model, chosen.money.transcription) == ("", "", None)
    assert call_settings(load_settings({"BOT_DIALECT": "xai", "BOT_VOICE": "Leo"}), "", "").session.voice == "Leo"


def silence(path: Path, seconds: float) -> Path:
    with wav.StereoWriter(path) as file:
        file.write(b"", bytes(round(seconds * 8_000)))
    return path


def test_a_filler_of_the_operators_takes_the_place_of_the_sentence_and_not_of_the_apology(tmp_path: Path) -> None:
    mine = silence(tmp_path / "mine.wav", 1.5)
    chosen = call_settings(load_settings({"BOT_FILLER_FILE": str(mine)}), "", "")
    assert payload_bytes(chosen.filler_audio) == 12_000
    assert chosen.apology_audio == payload("en", "apology")


def test_a_filler_that_an_answer_would_have_to_wait_for_is_refused(tmp_path: Path) -> None:
    settings = load_settings({"BOT_FILLER_FILE": str(silence(tmp_path / "long.wav", 5.1))})
    with pytest.raises(wav.BadWav, match=r"long\.wav is longer than 5 seconds"):
        call_settings(settings, "", "")
