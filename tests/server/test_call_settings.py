"""What a call is told of the operator's settings."""

from __future__ import annotations

from bot.call.settings import CallSettings
from bot.config import load_settings
from bot.realtime.session import SessionSettings, TurnDetection
from bot.server.call_settings import call_settings


def test_every_choice_of_the_operator_reaches_the_call() -> None:
    settings = load_settings(
        {
            "OPENAI_REALTIME_MODEL": "gpt-realtime-2.1-mini",
            "BOT_INSTRUCTIONS": "Be brief.",
            "BOT_GREETING": "Good morning.",
            "BOT_VOICE": "ash",
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
            "BOT_IDLE_SECONDS": "30",
            "BOT_RESPONSE_SECONDS": "4",
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
        ),
        greeting="Good morning.",
        barge_in="off",
        max_call_s=600,
        idle_s=30,
        response_s=4,
        call_sid="CA1",
        account_sid="AC1",
    )


def test_what_the_operator_leaves_open_is_left_to_the_server() -> None:
    session = call_settings(load_settings({"BOT_TRANSCRIPTION_MODEL": "off", "BOT_GREETING": "off"}), "", "").session
    assert (session.speed, session.max_output_tokens) == (None, None)
    assert (session.transcription_model, session.language, session.noise_reduction) == ("", "", "")
