"""The caller's side of the simulated model: buffers, voice activity, scripted speech, transcripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio import wav
from bot.testing.agent import Spoken, pattern
from bot.testing.model import SpeechAt
from bot.testing.model.protocol.codec import MULAW, PCM, PCMA, PCMU, alaw_sample, from_mulaw, loudness
from tests.testing.model_desk import Desk

SILENCE = b"\xff"
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
]


def quiet(ms: int) -> bytes:
    return SILENCE * (ms * 8)


def listen(desk: Desk, audio: bytes, piece: int = 160) -> None:
    """Append `audio` in frames, as it would come from a phone."""
    for at in range(0, len(audio), piece):
        desk.append(audio[at : at + piece])
        desk.run(desk.now_us / 1000 + piece / 8)


def test_speech_in_the_audio_becomes_a_turn_that_is_answered() -> None:
    desk = Desk(speech=None)
    listen(desk, quiet(1000) + pattern(800) + quiet(520))
    assert desk.kinds() == TURN
    assert desk.one("input_audio_buffer.speech_started")["audio_start_ms"] == 1000 - 300
    assert desk.one("input_audio_buffer.speech_stopped")["audio_end_ms"] == 1000 + 800 + 500
    assert desk.model.violations == []


def test_the_agent_gets_the_turn_with_its_padding_and_silence() -> None:
    desk = Desk(speech=None)
    speech = pattern(800)
    listen(desk, quiet(1000) + speech + quiet(520))
    assert desk.agent.turns[0].audio == quiet(300) + speech + quiet(500)
    assert desk.model.memory()[0].audio_ms == 1600


def test_every_byte_is_kept_in_order() -> None:
    desk = Desk(speech=None)
    audio = quiet(200) + pattern(3000) + quiet(700)
    listen(desk, audio, 137)
    assert desk.model.heard == audio
    assert desk.model.heard_ms == len(audio) // 8


def test_keeping_can_be_turned_off() -> None:
    desk = Desk(speech=None, keep_heard=False)
    listen(desk, quiet(1000))
    assert (desk.model.heard, desk.model.heard_ms) == (b"", 1000)


@settings(deadline=None, max_examples=40)
@given(st.integers(20, 5000), st.integers(100, 1500), st.integers(20, 4000))
def test_the_size_of_appends_does_not_matter(before: int, speech: int, piece: int) -> None:
    desk = Desk(speech=None, check=None)
    desk.append(quiet(before))
    for at in range(0, speech * 8, piece):
        desk.append(pattern(speech)[at : at + piece])
    desk.append(quiet(1000))
    start = desk.one("input_audio_buffer.speech_started")["audio_start_ms"]
    # Windows are 20 ms, and one that is partly speech may count either way.
    assert abs(start - max(0, before - 300)) <= 20
    assert abs(desk.one("input_audio_buffer.speech_stopped")["audio_end_ms"] - (before + speech + 500)) <= 40


@pytest.mark.parametrize(
    ("threshold", "amplitude", "heard"),
    [(0.3, 600, True), (0.5, 600, False), (0.5, 1000, True), (0.9, 1000, False), (0.9, 3000, True)],
)
def test_the_threshold_says_how_loud_is_speech(threshold: float, amplitude: int, heard: bool) -> None:
    up, down = (min(range(256), key=lambda byte: abs(MULAW[byte] - level)) for level in (amplitude, -amplitude))
    desk = Desk(speech=None)
    update(desk, {"type": "server_vad", "threshold": threshold})
    listen(desk, bytes([up, down]) * 2000)
    assert ("input_audio_buffer.speech_started" in desk.kinds()) == heard


SPEECH = Path(__file__).parents[3] / "shared" / "audio"


@pytest.mark.parametrize("name", ["cards-001", "go-forward", "numbers", "reading-0870", "reading-0930"])
def test_a_recorded_sentence_is_one_turn(name: str) -> None:
    file = SPEECH / f"{name}.wav"
    if not file.exists():
        pytest.skip("the recordings are not here")
    desk = Desk(speech=None)
    audio = wav.read(file)
    listen(desk, quiet(1000) + audio + quiet(1000))
    assert desk.kinds().count("input_audio_buffer.committed") == 1
    assert desk.one("input_audio_buffer.speech_stopped")["audio_end_ms"] > 1000 + len(audio) // 16


def test_a_click_is_no_speech() -> None:
    desk = Desk(speech=None)
    listen(desk, quiet(500) + pattern(40) + quiet(1000))
    assert desk.kinds() == []


def update(desk: Desk, turns: dict[str, Any] | None) -> None:
    desk.update({"type": "realtime", "audio": {"input": {"turn_detection": turns}}})
    desk.take()


def test_without_turn_detection_the_client_commits() -> None:
    desk = Desk(speech=None)
    update(desk, None)
    listen(desk, pattern(400) + quiet(1000))
    assert desk.kinds() == []
    desk.send("input_audio_buffer.commit")
    assert desk.take() == TURN[2:5]
    assert desk.model.memory()[0].audio_ms == 1400
    desk.send("response.create")
    assert desk.agent.turns[0].audio == pattern(400) + quiet(1000)


def test_a_commit_takes_100_ms() -> None:
    desk = Desk(speech=None)
    update(desk, None)
    desk.send("input_audio_buffer.commit")
    assert desk.refused()["code"] == "input_audio_buffer_commit_empty"
    assert desk.refused()["message"].endswith("Expected at least 100ms of audio, but buffer only has 0.00ms of audio.")
    listen(desk, pattern(100))
    desk.take()
    desk.send("input_audio_buffer.commit")
    assert desk.take() == TURN[2:5]


def test_clear_forgets_what_was_not_committed() -> None:
    desk = Desk(speech=None)
    update(desk, None)
    listen(desk, pattern(400))
    desk.send("input_audio_buffer.clear")
    assert desk.take() == ["input_audio_buffer.cleared"]
    desk.send("input_audio_buffer.commit")
    assert desk.refused()["code"] == "input_audio_buffer_commit_empty"
    assert desk.model.heard_ms == 400


def test_no_answer_when_the_client_owns_the_turns() -> None:
    desk = Desk(speech=[SpeechAt(1_000_000, 2_000_000)])
    update(desk, {"type": "server_vad", "create_response": False, "interrupt_response": False})
    desk.run(5000)
    assert desk.kinds() == TURN[:5]


def test_semantic_turns_wait_as_eagerness_says() -> None:
    ends = {}
    for eagerness in ("high", "medium", "low"):
        desk = Desk(speech=[SpeechAt(1_000_000, 2_000_000)])
        update(desk, {"type": "semantic_vad", "eagerness": eagerness})
        desk.run(6000)
        ends[eagerness] = desk.times_ms("input_audio_buffer.speech_stopped")[0]
    assert ends["high"] < ends["medium"] < ends["low"]


def test_audio_before_session_updated_is_a_violation_said_once() -> None:
    desk = Desk(speech=None, configure=False)
    desk.run(10)
    listen(desk, quiet(100))
    assert len(desk.model.violations) == 1
    assert desk.model.heard_ms == 100 // 6, "48 bytes are a millisecond of PCM"


def test_audio_between_update_and_its_echo_is_a_violation_too() -> None:
    desk = Desk(speech=None, configure=False, updated_after_ms=300)
    desk.run(10)
    desk.update({"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}})
    desk.append(quiet(20))
    assert len(desk.model.violations) == 1


def test_a_backlog_is_heard_at_once_in_its_own_time() -> None:
    desk = Desk(speech=None)
    desk.append(quiet(400) + pattern(600) + quiet(600))
    assert desk.kinds() == TURN
    assert desk.one("input_audio_buffer.speech_started")["audio_start_ms"] == 100


# ---- by script -------------------------------------------------------------------------------------------------------


def test_scripted_speech_has_the_same_events_on_the_clock() -> None:
    desk = Desk(speech=[SpeechAt(2_000_000, 3_000_000)])
    desk.run(3600)
    assert desk.kinds() == TURN
    assert desk.times_ms("input_audio_buffer.speech_started") == [2000]
    assert desk.times_ms("input_audio_buffer.speech_stopped") == [3500]
    assert desk.one("input_audio_buffer.speech_started")["audio_start_ms"] == 1700
    assert desk.one("input_audio_buffer.speech_stopped")["audio_end_ms"] == 3500


def test_the_clock_of_scripted_speech_starts_when_the_session_opens() -> None:
    desk = Desk(speech=[SpeechAt(2_000_000, 3_000_000)], opens_us=5_000)
    desk.run(2100)
    assert desk.one("input_audio_buffer.speech_started")["audio_start_ms"] == 1695


def test_scripted_speech_over_real_audio_is_placed_in_it() -> None:
    desk = Desk(speech=[SpeechAt(1_000_000, 1_500_000)])
    listen(desk, pattern(1500))
    assert 0 < desk.one("input_audio_buffer.speech_started")["audio_start_ms"] <= 700
    assert desk.of("input_audio_buffer.speech_stopped") == []


def test_a_short_pause_does_not_end_a_scripted_turn() -> None:
    desk = Desk(speech=[SpeechAt(1_000_000, 1_500_000), SpeechAt(1_800_000, 2_000_000), SpeechAt(4_000_000, 4_200_000)])
    desk.run(6000)
    assert desk.times_ms("input_audio_buffer.speech_started") == [1000, 4000]
    assert desk.times_ms("input_audio_buffer.speech_stopped") == [2500, 4700]


def test_speech_can_be_added_as_the_call_goes() -> None:
    desk = Desk()
    desk.run(1000)
    desk.model.say(SpeechAt(1_500_000, 2_000_000))
    desk.run(3000)
    assert desk.times_ms("input_audio_buffer.speech_started") == [1500]


# ---- transcripts -----------------------------------------------------------------------------------------------------


def test_transcripts_come_late_and_in_order_of_the_turns() -> None:
    desk = Desk(
        [Spoken(pattern(50))],
        speech=[SpeechAt(1_000_000, 1_500_000), SpeechAt(5_000_000, 5_500_000)],
        caller_words=["hello there", None],
    )
    desk.update({"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}})
    desk.run(10_000)
    kind = "conversation.item.input_audio_transcription"
    assert desk.one(f"{kind}.completed")["transcript"] == "hello there"
    assert desk.times_ms(f"{kind}.completed") == [3400]
    assert desk.one(f"{kind}.failed")["error"]["code"] == "audio_unintelligible"


@pytest.mark.parametrize(
    ("billed", "usage"),
    [
        (
            "tokens",
            {
                "type": "tokens",
                "input_tokens": 13,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 13},
                "output_tokens": 3,
                "total_tokens": 16,
            },
        ),
        ("duration", {"type": "duration", "seconds": 2}),
    ],
)
def test_a_transcript_tells_what_it_used(billed: str, usage: object) -> None:
    desk = Desk(
        [Spoken(pattern(50))],
        speech=[SpeechAt(1_000_000, 1_500_000)],
        caller_words=["hello there"],
        transcription_usage=billed,
    )
    desk.update({"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}})
    desk.run(10_000)
    assert desk.one("conversation.item.input_audio_transcription.completed")["usage"] == usage


def test_without_transcription_there_are_no_transcripts() -> None:
    desk = Desk(speech=[SpeechAt(1_000_000, 1_500_000)], caller_words=["hello"])
    desk.run(10_000)
    assert not [kind for kind in desk.kinds() if "transcription" in kind]


# ---- formats ---------------------------------------------------------------------------------------------------------


def test_g711_tables_have_the_values_of_the_standard() -> None:
    assert [MULAW[byte] for byte in (0x00, 0x7F, 0x80, 0xFF, 0xF0)] == [-32124, 0, 32124, 0, 120]
    assert [alaw_sample(byte) for byte in (0xD5, 0x55, 0xAA, 0x2A)] == [8, -8, 32256, -32256]


@pytest.mark.parametrize("kind", [PCM, PCMA])
def test_mulaw_is_as_loud_in_other_formats(kind: str) -> None:
    audio = pattern(200)
    assert loudness(from_mulaw(audio, kind), kind) == pytest.approx(loudness(audio, PCMU), rel=0.01)
