"""Beeps of voicemails among all else that a line brings."""

from __future__ import annotations

import base64
import random
from math import pi, sin

import pytest

from bot.audio import fillers, mulaw
from bot.audio.beep import Beep, BeepEar

FRAME = 160


def tone(ms: int, *hz: float, loud: float = 8_000) -> bytes:
    """A sum of tones as mu-law."""
    samples = [round(sum(loud / len(hz) * sin(2 * pi * one * n / mulaw.RATE) for one in hz)) for n in range(ms * 8)]
    return mulaw.encode(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))


def noise(ms: int, loud: int, seed: int = 1) -> bytes:
    chance = random.Random(seed)
    return mulaw.encode(b"".join(chance.randint(-loud, loud).to_bytes(2, "little", signed=True) for _ in range(ms * 8)))


def mixed(*parts: bytes) -> bytes:
    pcm = [mulaw.decode(part) for part in parts]
    length = min(map(len, pcm))
    sums = (sum(int.from_bytes(one[i : i + 2], "little", signed=True) for one in pcm) for i in range(0, length, 2))
    return mulaw.encode(b"".join(max(-32768, min(32767, one)).to_bytes(2, "little", signed=True) for one in sums))


def heard(line: bytes, offset: int = 0) -> list[Beep]:
    """All beeps on the line; frames begin `offset` bytes into it."""
    ear = BeepEar()
    found = [ear.hear(base64.b64encode(line[i : i + FRAME]).decode()) for i in range(offset, len(line), FRAME)]
    return [one for one in found if one is not None]


SILENCE = b"\xff" * 1_600


@pytest.mark.parametrize("hz", [400, 440, 700, 1_000, 1_400, 2_000])
@pytest.mark.parametrize("offset", [0, 37])
def test_a_beep_is_heard_when_it_is_over(hz: int, offset: int) -> None:
    (beep,) = heard(SILENCE + tone(400, hz) + SILENCE, offset)
    assert abs(beep.hz - hz) < 12
    assert 340 <= beep.ms <= 420


def test_a_beep_is_heard_through_the_noise_of_a_line() -> None:
    (beep,) = heard(mixed(tone(400, 1_000), noise(400, 500)) + noise(200, 500))
    assert abs(beep.hz - 1_000) < 12


@pytest.mark.parametrize(
    "line",
    [
        tone(100, 1_000),
        tone(5_000, 2_100),
        tone(400, 1_000, loud=300),
        tone(400, 697, 1_209),
        tone(2_000, 440, 480),
        tone(400, 120),
        noise(2_000, 8_000),
        tone(280, 985) + tone(280, 1_428) + tone(380, 1_777),
        b"".join(tone(40, hz) for hz in range(400, 1_600, 40)),
    ],
    ids=["too short", "a fax", "too soft", "a key", "a ringing tone", "a hum", "noise", "not in service", "a siren"],
)
def test_what_is_no_beep(line: bytes) -> None:
    assert heard(SILENCE + line + SILENCE) == []


@pytest.mark.parametrize("language", [one for one in fillers.languages() if one != fillers.TONE])
def test_speech_is_no_beep(language: str) -> None:
    for name in ("moment", "apology"):
        assert heard(fillers.filler(language, name).audio + SILENCE) == []
