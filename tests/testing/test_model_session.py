"""The session of the simulated model: how it opens, what it takes, how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.realtime.session import SessionSettings, TurnDetection, session_object, turns_update
from bot.testing.agent import ScriptedAgent, Spoken, pattern
from bot.testing.model import CloseAt, SendAt, SimulatedModel
from bot.testing.model.simulated import EPOCH_S
from bot.testing.model.state.behaviour import REFUSALS, Refusal
from tests.testing.model_desk import Desk


def test_it_opens_with_the_defaults_seen_on_the_wire() -> None:
    desk = Desk(configure=False)
    desk.run(10)
    assert desk.times_ms("session.created") == [3]
    session = desk.one("session.created")["session"]
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert session["audio"]["output"] == {
        "format": {"type": "audio/pcm", "rate": 24000},
        "voice": "marin",
        "speed": 1.0,
    }
    assert session["expires_at"] == EPOCH_S + 3600
    assert (session["max_output_tokens"], session["truncation"], session["tools"]) == ("inf", "auto", [])


def test_an_update_changes_what_it_names_and_echoes_all() -> None:
    desk = Desk()
    desk.update({"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}}})
    session = desk.one("session.updated")["session"]
    assert session["audio"]["input"]["turn_detection"]["threshold"] == 0.7
    assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
    assert session["audio"]["input"]["format"] == session["audio"]["output"]["format"] == {"type": "audio/pcmu"}
    assert session["audio"]["output"]["voice"] == "marin"
    assert desk.model.violations == []


def test_another_kind_of_turn_detection_starts_from_its_own_defaults() -> None:
    desk = Desk()
    desk.update(turns_update(TurnDetection(type="semantic_vad", eagerness="high"), server_owns_turns=False))
    assert desk.one("session.updated")["session"]["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "high",
        "create_response": False,
        "interrupt_response": False,
    }


def test_null_clears() -> None:
    desk = Desk()
    desk.update({"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    assert desk.model.session["audio"]["input"]["turn_detection"] is None


def listening(**fields: Any) -> dict[str, Any]:
    return {"type": "realtime", "audio": {"input": fields}}


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"instructions": "x"}, "missing_required_parameter", "session.type"),
        ({"type": "realtime", "voice": "alloy"}, "unknown_parameter", "session.voice"),
        ({"type": "realtime", "modalities": ["audio"]}, "unknown_parameter", "session.modalities"),
        ({"type": "realtime", "temperature": 0.8}, "unknown_parameter", "session.temperature"),
        ({"type": "realtime", "input_audio_format": "g711_ulaw"}, "unknown_parameter", "session.input_audio_format"),
        (listening(format={"type": "audio/pcm", "rate": 8000}), "integer_below_min_value", "session.audio.input.format.rate"),
        (listening(format={"type": "audio/pcmu", "rate": 8000}), "unknown_parameter", "session.audio.input.format.rate"),
        (listening(format={"type": "g711_ulaw"}), "invalid_value", "session.audio.input.format.type"),
        (listening(turn_detection={"type": "server_vad", "eagerness": "low"}), "unknown_parameter", "session.audio.input.turn_detection.eagerness"),
        (listening(turn_detection={"threshold": 0.5}), "missing_required_parameter", "session.audio.input.turn_detection.type"),
        (listening(turn_detection={"type": "server_vad", "threshold": "0.5"}), "invalid_type", "session.audio.input.turn_detection.threshold"),
        ({"type": "realtime", "output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
        ({"type": "realtime", "model": "gpt-realtime"}, "invalid_value", "session.model"),
        ({"type": "realtime", "tools": [{"type": "function", "function": {}}]}, "unknown_parameter", "session.tools[0].function"),
    ],
)  # fmt: skip
def test_a_bad_update_is_discarded_whole(session: dict[str, Any], code: str, param: str) -> None:
    desk = Desk(check=None)
    before = json.dumps(desk.model.session)
    desk.send("session.update", session={**session, "instructions": "changed"}, event_id="mine")
    assert desk.kinds() == ["error"]
    assert (desk.refused()["code"], desk.refused()["param"], desk.refused()["event_id"]) == (code, param, "mine")
    assert json.dumps(desk.model.session) == before
    assert len(desk.model.violations) == 1


def test_reasoning_is_for_models_that_reason() -> None:
    update = session_object(SessionSettings(), server_owns_turns=True) | {"reasoning": {"effort": "minimal"}}
    old, new = Desk(model="gpt-realtime-1.5"), Desk(model="gpt-realtime-2.1")
    for desk in (old, new):
        desk.update(update)
    assert old.refused()["param"] == "session.reasoning"
    assert new.take() == ["session.updated"]


def test_the_voice_is_locked_once_audio_was_spoken() -> None:
    desk = Desk()
    desk.send("response.create")
    desk.run(5000)
    desk.take()
    desk.update({"type": "realtime", "audio": {"output": {"voice": "cedar"}}})
    assert desk.refused()["code"] == "cannot_update_voice"
    desk.take()
    desk.update({"type": "realtime", "audio": {"output": {"voice": "marin"}}})
    assert desk.take() == ["session.updated"]


def test_an_unknown_event_is_told_the_twelve_names() -> None:
    desk = Desk(check=None)
    desk.send("output_audio_buffer.clear")
    assert (desk.refused()["code"], desk.refused()["param"]) == ("invalid_value", "type")
    assert desk.refused()["message"].count(", '") == 11


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid_json"),
        ("[]", "invalid_event"),
        ('{"audio":"////"}', "invalid_event"),
        ('{"type":"conversation.item.delete"}', "missing_required_parameter"),
        ('{"type":"response.cancel","why":"x"}', "unknown_parameter"),
        ('{"type":"input_audio_buffer.append","audio":"abc"}', "invalid_value"),
        ('{"type":"input_audio_buffer.append","audio":"////\\n"}', "invalid_value"),
        ('{"type":"input_audio_buffer.append","audio":5}', "invalid_type"),
    ],
)
def test_bad_messages_are_errors_and_the_session_goes_on(text: str, code: str) -> None:
    desk = Desk(check=None)
    desk.send_raw(text)
    assert desk.refused()["code"] == code
    desk.take()
    desk.update({"type": "realtime", "instructions": "still here"})
    assert desk.take() == ["session.updated"]


def test_a_binary_frame_is_an_error() -> None:
    desk = Desk()
    desk.model.receive_binary(desk.now_us)
    desk.run(20)
    assert desk.refused()["code"] == "invalid_event"


def test_the_checker_s_objections_are_violations() -> None:
    def check(text: str) -> None:
        if "cancel" in text:
            raise ValueError("not that one")

    desk = Desk(check=check)
    desk.send("response.cancel")
    assert desk.model.violations[0] == "schema: not that one"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_failed_handshake_is_an_error_and_a_close_in_the_same_instant(refusal: Refusal) -> None:
    desk = Desk(configure=False, refusal=refusal)
    desk.run(100)
    close_code, code, _ = REFUSALS[refusal]
    assert desk.kinds() == ["error"]
    assert desk.log[0][0] == 0
    assert desk.refused()["code"] == code
    assert desk.model.closed == (close_code, f"invalid_request_error.{code}" if code else "invalid_request_error")


def test_it_closes_after_an_hour() -> None:
    desk = Desk()
    desk.run(3_599_999)
    assert desk.model.closed is None
    desk.run(3_600_000)
    assert desk.model.closed == (1001, "Your session hit the maximum duration of 60 minutes.")
    assert desk.model.next_us() is None


def test_slow_and_missing_answers() -> None:
    slow = Desk(configure=False, created_after_ms=2000, updated_after_ms=500)
    slow.run(3000)
    slow.update({"type": "realtime"})
    slow.run(5000)
    assert (slow.times_ms("session.created"), slow.times_ms("session.updated")) == ([2000], [3500])
    never = Desk(configure=False, created_after_ms=None, updated_after_ms=None)
    never.update({"type": "realtime"})
    never.run(60_000)
    assert never.kinds() == []


def test_a_forced_format_is_what_it_says_and_speaks() -> None:
    audio = pattern(100)
    desk = Desk([Spoken(audio)], forced_format={"type": "audio/pcm", "rate": 24000}, configure=False)
    desk.run(10)
    desk.update(session_object(SessionSettings(), server_owns_turns=True))
    assert desk.one("session.updated")["session"]["audio"]["output"]["format"]["type"] == "audio/pcm"
    desk.send("response.create")
    desk.run(5000)
    assert len(desk.audio()) == 6 * len(audio)
    assert desk.model.memory()[-1].audio_ms == 100


def test_raw_texts_and_closes_leave_on_time() -> None:
    model = SimulatedModel(ScriptedAgent([Spoken(pattern(100))]))
    model.send(SendAt(5_000, "garbage"))
    model.send(SendAt(6_000, '{"type":"brand.new"}'))
    model.close(CloseAt(7_000, 1011, "oops"))
    assert model.due(5_500)[-1] == "garbage"
    assert model.due(10_000) == ['{"type":"brand.new"}']
    assert model.closed == (1011, "oops")


def test_nothing_leaves_after_the_client_is_gone() -> None:
    desk = Desk()
    desk.send("response.create")
    desk.take()
    desk.model.disconnected(desk.now_us)
    desk.run(10_000)
    assert desk.kinds() == []
    desk.send("response.create")
    assert desk.kinds() == []


XAI = SessionSettings(dialect="xai", voice="ara", speed=1.2)


def xai_desk(**knobs: Any) -> Desk:
    desk = Desk(configure=False, dialect="xai", check=None, **knobs)
    desk.run(10)
    return desk


def test_an_older_model_has_other_defaults() -> None:
    for dialect in ("openai", "azure"):
        desk = Desk(configure=False, model="gpt-realtime", dialect=dialect)
        desk.run(10)
        audio = desk.one("session.created")["session"]["audio"]
        assert (audio["input"]["turn_detection"]["silence_duration_ms"], audio["output"]["voice"]) == (200, "alloy")


def test_xai_begins_with_a_session_a_conversation_and_a_ping_and_echoes_its_own_shape() -> None:
    desk = xai_desk()
    created = desk.one("session.created")["session"]
    assert (created["voice"], created["turn_detection"], created["modalities"]) == ("ara", {"type": None}, ["audio"])
    assert desk.take() == ["session.created", "conversation.created", "ping"]
    asked = session_object(XAI, server_owns_turns=True)
    desk.update(asked)
    desk.update({"turn_detection": {"type": None}})
    session, left = (event["session"] for event in desk.of("session.updated"))
    assert "type" not in session
    assert [session[key] for key in ("instructions", "voice", "turn_detection")] == [
        asked[key] for key in ("instructions", "voice", "turn_detection")
    ]
    assert session["tools"][0]["function"]["name"] == "end_call"
    assert session["audio"]["output"] == {**asked["audio"]["output"], "transport": "json"}
    assert left["turn_detection"] == {"type": None}
    assert desk.model.violations == []


@pytest.mark.parametrize(
    "update",
    [
        {"type": "realtime"},
        {"turn_detection": {"type": "semantic_vad"}},
        {"turn_detection": {"type": "server_vad", "create_response": False}},
        {"turn_detection": {"type": "server_vad", "threshold": 0.95}},
        {"turn_detection": {"type": "server_vad", "threshold": 0.05}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}},
        {"audio": {"output": {"voice": "ara"}}},
        {"audio": {"output": {"speed": 0.5}}},
        {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
        {"output_modalities": ["audio"]},
        {"tool_choice": "auto"},
        {"max_output_tokens": 100},
        {"audio": {"input": {"format": {"type": "audio/opus"}}}},
    ],
)
def test_xai_refuses_what_it_does_not_know_and_then_nothing_of_it_holds(update: dict[str, Any]) -> None:
    desk = xai_desk()
    desk.take()
    before = desk.model.session
    desk.update({"instructions": "Be kind.", **update})
    assert desk.take() == ["error"]
    assert desk.model.session == before
    assert len(desk.model.violations) == 1
