"""The tones of a telephone's keys."""

from __future__ import annotations

import random

import pytest

from bot.audio import mulaw
from bot.audio.payload import FRAME_BYTES
from bot.audio.prompts import prompt
from bot.audio.tones import KEYS, key_of, tone


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("cut", [0, 37, 80, 111])
def test_each_key_is_found_in_every_frame_that_it_fills(key: str, cut: int) -> None:
    audio = tone(key, 100)[cut:]
    frames = [audio[at : at + FRAME_BYTES] for at in range(0, len(audio) - FRAME_BYTES + 1, FRAME_BYTES)]
    assert {key_of(frame) for frame in frames} == {key}


def test_half_a_frame_of_a_key_is_some_key() -> None:
    assert all(key_of(tone(key, 10)) for key in KEYS)


def test_speech_has_few_frames_that_would_pass_for_a_key() -> None:
    found = total = 0
    for name in ("caller_hello", "caller_long", "caller_stop", "caller_goodbye"):
        audio = prompt(name).audio
        frames = [audio[at : at + FRAME_BYTES] for at in range(0, len(audio) - FRAME_BYTES, FRAME_BYTES)]
        found += sum(bool(key_of(frame)) for frame in frames)
        total += len(frames)
    assert total > 300
    assert found <= total // 200


@pytest.mark.parametrize("audio", [b"", bytes((0xFF,)) * FRAME_BYTES, mulaw.encode(b"\x05\x00" * FRAME_BYTES)])
def test_silence_is_no_key(audio: bytes) -> None:
    assert key_of(audio) == ""


def test_noise_is_no_key() -> None:
    chance = random.Random(5)
    for _ in range(200):
        assert key_of(chance.randbytes(FRAME_BYTES)) == ""
