"""The session asked for, and the check of the one given (openai-realtime 2)."""

from __future__ import annotations

import json
from itertools import product
from typing import Any, get_args

import msgspec
import pytest

from bot.audio.transcode import FORMATS
from bot.audio.transcode import LINE as PCMU
from bot.models import takes_reasoning
from bot.realtime import events
from bot.realtime.session import (
    Dialect,
    SessionSettings,
    TurnDetection,
    formats,
    session_object,
    turn_detection,
    turns_update,
)
from bot.testing.virtual.client_event_schema import check_client_event

FULL = SessionSettings(
    model="gpt-realtime-2.1",
    instructions="Be kind.",
    voice="cedar",
    speed=1.25,
    reasoning_effort="minimal",
    max_output_tokens=500,
    transcription_model="gpt-transcribe",
    language="de",
    noise_reduction="near_field",
    turn_detection=TurnDetection(threshold=0.7, prefix_padding_ms=200, silence_duration_ms=600),
)


def test_everything_that_can_be_chosen_is_sent() -> None:
    assert session_object(FULL, server_owns_turns=True) == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "Be kind.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.7,
                    "prefix_padding_ms": 200,
                    "silence_duration_ms": 600,
                    "create_response": True,
                    "interrupt_response": True,
                },
                "noise_reduction": {"type": "near_field"},
                "transcription": {"model": "gpt-transcribe", "language": "de"},
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "cedar", "speed": 1.25},
        },
        "tools": [session_object(FULL, server_owns_turns=True)["tools"][0]],
        "tool_choice": "auto",
        "reasoning": {"effort": "minimal"},
        "max_output_tokens": 500,
    }


def test_what_is_not_chosen_is_not_sent() -> None:
    session = session_object(SessionSettings(model="gpt-realtime-1.5"), server_owns_turns=True)
    assert set(session) == {"type", "output_modalities", "instructions", "audio", "tools", "tool_choice"}
    assert set(session["audio"]["input"]) == {"format", "turn_detection"}
    assert set(session["audio"]["output"]) == {"format", "voice"}


def test_the_one_function_ends_the_call() -> None:
    (tool,) = session_object(FULL, server_owns_turns=True)["tools"]
    assert (tool["type"], tool["name"]) == ("function", "end_call")
    assert tool["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("gpt-realtime-2", True),
        ("gpt-realtime-2.1", True),
        ("gpt-realtime-2.1-mini", True),
        ("gpt-realtime-1.5", False),
        ("gpt-realtime", False),
        ("gpt-realtime-mini", False),
    ],
)
def test_an_effort_is_only_sent_to_a_model_that_reasons(model: str, takes: bool) -> None:
    assert takes_reasoning(model) is takes
    session = session_object(msgspec.structs.replace(FULL, model=model), server_owns_turns=True)
    assert ("reasoning" in session) is takes


@pytest.mark.parametrize("owns", [True, False])
def test_both_flags_say_who_owns_the_turns(owns: bool) -> None:
    for chosen in (TurnDetection(), TurnDetection(type="semantic_vad", eagerness="low")):
        sent = turn_detection(chosen, server_owns_turns=owns)
        assert sent["create_response"] is sent["interrupt_response"] is owns


def test_each_kind_of_turn_detection_has_its_own_fields() -> None:
    assert set(turn_detection(TurnDetection(), server_owns_turns=True)) == {
        "type", "threshold", "prefix_padding_ms", "silence_duration_ms", "create_response", "interrupt_response",
    }  # fmt: skip
    assert turn_detection(TurnDetection(type="semantic_vad", eagerness="high"), server_owns_turns=False) == {
        "type": "semantic_vad",
        "eagerness": "high",
        "create_response": False,
        "interrupt_response": False,
    }


def test_a_later_update_moves_nothing_but_the_turns() -> None:
    chosen = TurnDetection(threshold=0.7)
    assert turns_update(chosen, server_owns_turns=False) == {
        "type": "realtime",
        "audio": {"input": {"turn_detection": turn_detection(chosen, server_owns_turns=False)}},
    }


@pytest.mark.parametrize(
    ("kind", "owns", "settings"),
    list(product(["server_vad", "semantic_vad"], [True, False], [FULL, SessionSettings()])),
)
def test_every_session_we_ask_for_is_one_by_the_schema(kind: Any, owns: bool, settings: SessionSettings) -> None:
    settings = msgspec.structs.replace(settings, turn_detection=TurnDetection(type=kind))
    updates = (
        session_object(settings, server_owns_turns=owns),
        turns_update(settings.turn_detection, server_owns_turns=owns),
    )
    for session in updates:
        check_client_event(msgspec.json.encode(events.UpdateSession(session, "s_1")).decode())


def echoed(listening: Any, speaking: Any) -> events.Session:
    wire = {"type": "session.updated", "session": {"audio": {"input": listening, "output": speaking}}}
    event = events.parse(json.dumps(wire))
    assert isinstance(event, events.SessionUpdated)
    return event.session


def form(kind: str) -> dict[str, Any]:
    return {"format": {"type": kind}}


@pytest.mark.parametrize(
    ("listening", "speaking", "told"),
    [
        (form(PCMU), form(PCMU), (PCMU, PCMU)),
        (form("audio/pcm"), form(PCMU), ("audio/pcm", PCMU)),
        (form(PCMU), form("audio/pcm"), (PCMU, "audio/pcm")),
        (form("audio/pcma"), form("audio/pcma"), ("audio/pcma", "audio/pcma")),
        ({}, form(PCMU), (PCMU, PCMU)),
        ({"format": None}, None, (PCMU, PCMU)),
        (form(PCMU), form("audio/opus"), None),
        ({}, {}, (PCMU, PCMU)),
    ],
)
def test_a_session_says_what_it_hears_and_speaks(listening: Any, speaking: Any, told: tuple[str, str] | None) -> None:
    assert formats(echoed(listening, speaking)) == told


@pytest.mark.parametrize("audio", FORMATS)
@pytest.mark.parametrize("owns", [True, False])
def test_each_format_is_asked_for_as_the_schema_has_it(audio: Any, owns: bool) -> None:
    session = session_object(SessionSettings(audio=audio), server_owns_turns=owns)
    assert session["audio"]["input"]["format"] == session["audio"]["output"]["format"]
    assert ("rate" in session["audio"]["input"]["format"]) is (audio == "audio/pcm")
    check_client_event(msgspec.json.encode(events.UpdateSession(session, "s_1")).decode())


def test_xai_is_asked_in_its_own_shape() -> None:
    session = session_object(SessionSettings(dialect="xai", instructions="Be kind.", speed=1.1), server_owns_turns=True)
    assert session["voice"] == "marin"
    assert session["turn_detection"]["type"] == "server_vad"
    assert session["audio"] == {
        "input": {"format": {"type": PCMU}, "transcription": {"model": "grok-transcribe"}},
        "output": {"format": {"type": PCMU}, "speed": 1.1},
    }
    assert not {"type", "output_modalities", "tool_choice", "reasoning", "max_output_tokens"} & set(session)


def test_a_voice_that_is_not_chosen_is_xais_own() -> None:
    assert "voice" not in session_object(SessionSettings(dialect="xai", voice=""), server_owns_turns=True)


@pytest.mark.parametrize(
    ("rate", "told"), [(None, ("audio/pcm", PCMU)), (24_000, ("audio/pcm", PCMU)), (16_000, None), (0, None)]
)
def test_pcm_of_another_rate_is_nothing_we_can_speak(rate: int | None, told: tuple[str, str] | None) -> None:
    assert formats(echoed({"format": {"type": "audio/pcm", "rate": rate}}, form(PCMU))) == told


ODD: tuple[Any, ...] = (None, True, [], {}, "", "7", 7, 1.5, -1, 10**30)


@pytest.mark.parametrize("odd", ODD)
def test_a_format_that_is_no_name_is_not_told(odd: Any) -> None:
    assert formats(echoed({"format": {"type": odd}}, {"format": {"type": odd, "rate": odd}})) == (PCMU, PCMU)


@pytest.mark.parametrize("odd", [None, True, [], {}, "", "7", 1.5, -1, 23_999.5, "fast"])
def test_a_rate_that_is_none_is_not_told(odd: Any) -> None:
    pcm = {"format": {"type": "audio/pcm", "rate": odd}}
    assert formats(echoed(pcm, pcm)) == ("audio/pcm", "audio/pcm")


@pytest.mark.parametrize("name", ["Audio/PCMU", " audio/pcmu", "AUDIO/PCMU"])
def test_the_name_of_a_format_is_read_as_names_of_media_types_are(name: str) -> None:
    assert formats(echoed(form(name), form(name))) == (PCMU, PCMU)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "where", ["id", "model", "expires_at", "audio", "audio.input", "audio.output", "audio.input.format"]
)
def test_nothing_odd_in_the_echo_of_a_session_ends_a_call(where: str, odd: Any) -> None:
    echo: dict[str, Any] = {"audio": {"input": form(PCMU), "output": form(PCMU)}}
    *path, last = where.split(".")
    part = echo
    for step in path:
        part = part[step]
    part[last] = odd
    for wire in (echo, odd):
        event = events.parse(json.dumps({"type": "session.updated", "session": wire}))
        assert isinstance(event, events.SessionUpdated)
        assert formats(event.session) == (PCMU, PCMU)


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_what_a_session_does_not_say_is_what_it_was_asked_for(dialect: Dialect) -> None:
    asked = SessionSettings(dialect=dialect, audio="audio/pcma")
    assert formats(echoed({}, {}), asked) == ("audio/pcma", "audio/pcma")
    assert formats(echoed({}, form("audio/pcm")), asked) == ("audio/pcma", "audio/pcm")
    assert formats(echoed(form("audio/opus"), {}), asked) is None
