from __future__ import annotations

import math
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio import mulaw


def tone(hz: float, rate: int, seconds: float = 0.25, amplitude: int = 8000) -> bytes:
    n = int(rate * seconds)
    return struct.pack(f"<{n}h", *(round(amplitude * math.sin(2 * math.pi * hz * i / rate)) for i in range(n)))


@given(st.binary(max_size=400))
def test_mulaw_survives_the_way_to_pcm_and_back(ulaw: bytes) -> None:
    again = mulaw.encode(mulaw.decode(ulaw))
    assert mulaw.decode(again) == mulaw.decode(ulaw)
    assert again == ulaw.replace(b"\x7f", b"\xff")  # the two zeros of mu-law are one in PCM


def test_known_codes_decode_to_the_values_of_the_standard() -> None:
    assert struct.unpack("<4h", mulaw.decode(b"\xff\x7f\x00\x80")) == (0, 0, -32124, 32124)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number"):
        mulaw.encode(b"\x00\x00\x00")


@pytest.mark.parametrize(
    ("samples", "width", "channels", "expected"),
    [
        (b"\x80\xff\x00", 1, 1, (0, 127 * 256, -128 * 256)),
        (struct.pack("<4h", 100, 300, -50, 50), 2, 2, (200, 0)),
        (struct.pack("<6h", 300, 0, 0, 0, 600, 0), 2, 3, (100, 200)),
        (b"\x00\x00\x10\x00\x00\xf0", 3, 1, (0x1000, -0x1000)),
        (struct.pack("<2i", 1 << 24, -(1 << 24)), 4, 1, (256, -256)),
        (b"", 2, 2, ()),
    ],
)
def test_any_sample_width_and_channel_count_becomes_mono_pcm(
    samples: bytes, width: int, channels: int, expected: tuple[int, ...]
) -> None:
    pcm = mulaw.to_pcm(samples, width=width, channels=channels)
    assert struct.unpack(f"<{len(expected)}h", pcm) == expected


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
def test_a_tone_keeps_its_length_and_loudness_at_the_new_rate(rate: int) -> None:
    pcm = mulaw.resample(tone(1000, rate), rate)
    assert len(pcm) // 2 == pytest.approx(2000, abs=2)
    assert mulaw.rms(pcm[400:-400]) == pytest.approx(8000 / math.sqrt(2), rel=0.06)


@pytest.mark.parametrize("hz", [6000, 7000])
def test_what_the_line_cannot_carry_does_not_alias(hz: int) -> None:
    pcm = mulaw.resample(tone(hz, 16000), 16000)
    assert mulaw.rms(pcm[400:-400]) < 80  # 37 dB below the tone that went in


def test_a_slower_clip_is_stretched_to_the_line_rate() -> None:
    assert len(mulaw.resample(tone(500, 4000), 4000)) == pytest.approx(4000, abs=4)


def test_importing_it_does_not_warn() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", "import bot.audio.mulaw"], check=True)
