"""Resampling: what is kept, what is taken out, and that no border of a chunk shows."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.resampling import Down, Up

LOUD = 10_000
SETTLED = 300
"""Samples at either end that a filter needs to come to rest."""


def tone(hertz: float, rate: int, seconds: float = 0.5) -> bytes:
    return array(
        "h", [round(LOUD * math.sin(2 * math.pi * hertz * n / rate)) for n in range(int(rate * seconds))]
    ).tobytes()


def level_db(pcm: bytes) -> float:
    """Against a tone of the same peak as the test's."""
    samples = array("h", pcm)[SETTLED:-SETTLED]
    rms = math.sqrt(sum(sample * sample for sample in samples) / len(samples))
    return 20 * math.log10(max(rms, 1e-3) * math.sqrt(2) / LOUD)


def part_db(pcm: bytes, hertz: float, rate: int) -> float:
    """Level of `hertz` in it, in dB of a tone of LOUD."""
    samples = array("h", pcm)[SETTLED:-SETTLED]
    angle = 2 * math.pi * hertz / rate
    real = sum(sample * math.cos(angle * n) for n, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(angle * n) for n, sample in enumerate(samples))
    return 20 * math.log10(max(2 * math.hypot(real, imaginary) / len(samples), 1e-3) / LOUD)


@pytest.mark.parametrize("hertz", [200, 300, 1000, 2000, 3000])
def test_going_down_keeps_what_a_telephone_carries(hertz: int) -> None:
    assert level_db(Down()(tone(hertz, 24_000))) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("hertz", [4600, 5000, 6000, 7000, 8000, 9000, 10_000, 11_000])
def test_going_down_lets_nothing_come_back_as_another_tone(hertz: int) -> None:
    assert level_db(Down()(tone(hertz, 24_000))) < -50


@pytest.mark.parametrize("hertz", [200, 300, 1000, 2000, 3000])
def test_going_up_keeps_what_a_telephone_carries(hertz: int) -> None:
    assert part_db(Up()(tone(hertz, 8000)), hertz, 24_000) == pytest.approx(0, abs=1.1)


@pytest.mark.parametrize("hertz", [300, 1000, 2000])
def test_going_up_invents_next_to_nothing(hertz: int) -> None:
    up = Up()(tone(hertz, 8000))
    assert part_db(up, 8000 - hertz, 24_000) < -48
    assert part_db(up, 8000 + hertz, 24_000) < -60


@given(st.binary(max_size=3000).map(lambda data: data[: len(data) // 2 * 2]), st.data())
def test_no_border_of_a_chunk_shows_going_down(pcm: bytes, data: st.DataObject) -> None:
    whole, chunked = Down(), Down()
    assert b"".join(chunked(piece) for piece in pieces(pcm, data)) == whole(pcm)


@given(st.binary(max_size=1500).map(lambda data: data[: len(data) // 2 * 2]), st.data())
def test_no_border_of_a_chunk_shows_going_up(pcm: bytes, data: st.DataObject) -> None:
    whole, chunked = Up(), Up()
    assert b"".join(chunked(piece) for piece in pieces(pcm, data)) == whole(pcm)


@given(st.lists(st.integers(0, 500), max_size=20))
def test_going_down_gives_a_third_of_what_came_and_never_more(sizes: list[int]) -> None:
    down, came, gave = Down(), 0, 0
    for size in sizes:
        came += size
        gave += len(down(bytes(size * 2))) // 2
        assert gave == came // 3


@given(st.integers(0, 500))
def test_going_up_gives_three_times_what_came(size: int) -> None:
    assert len(Up()(bytes(size * 2))) == 3 * size * 2


def test_a_voice_at_full_scale_does_not_wrap_round() -> None:
    loudest = array("h", [32_767] * 2400).tobytes()
    assert min(array("h", Down()(loudest))[20:]) > 32_000
    assert min(array("h", Up()(loudest))[60:]) > 32_000


def pieces(pcm: bytes, data: st.DataObject) -> list[bytes]:
    """`pcm` cut anywhere between samples."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(pcm) // 2), max_size=6)))
    edges = [0, *(2 * cut for cut in cuts), len(pcm)]
    return [pcm[first:last] for first, last in pairwise(edges)]
