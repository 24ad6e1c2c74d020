"""Payloads between the line's format and a session's."""

from __future__ import annotations

import math
from array import array
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.mulaw import decode, encode
from bot.audio.payload import check
from bot.audio.transcode import from_line, to_line


def payload(audio: bytes) -> str:
    return b64encode(audio).decode()


def tone(rate: int, seconds: float = 0.4) -> bytes:
    return array(
        "h", [round(9000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(rate * seconds))]
    ).tobytes()


def close(one: bytes, other: bytes, *, delay: int) -> float:
    """The largest difference of two tracks once `one` is `delay` samples late."""
    late, early = array("h", one), array("h", other)
    return max(abs(a - b) for a, b in zip(late[delay + 100 : -100], early[100:], strict=False))


def test_mu_law_needs_nothing() -> None:
    assert from_line("audio/pcmu") is None
    assert to_line("audio/pcmu") is None


@given(st.binary(max_size=400))
def test_a_law_there_and_back_is_as_near_as_two_logarithms_get(ulaw: bytes) -> None:
    there, back = from_line("audio/pcma"), to_line("audio/pcma")
    assert there is not None
    assert back is not None
    before, after = array("h", decode(ulaw)), array("h", decode(b64decode(back(there(payload(ulaw))))))
    assert len(before) == len(after)
    assert all(abs(a - b) <= max(64, abs(a) // 10) for a, b in zip(before, after, strict=True))


def test_a_session_that_hears_pcm_hears_the_caller() -> None:
    convert = from_line("audio/pcm")
    assert convert is not None
    frames = encode(tone(8000))
    up = b"".join(b64decode(convert(payload(frames[at : at + 160]))) for at in range(0, len(frames), 160))
    assert len(up) == len(frames) * 3 * 2
    half_a_sample, mu_law_step = 520, 260  # the filter's delay is 11.5 samples
    assert close(up, tone(24_000), delay=12) < half_a_sample + mu_law_step


def test_a_caller_hears_a_session_that_speaks_pcm() -> None:
    convert = to_line("audio/pcm")
    assert convert is not None
    spoken = tone(24_000)
    sizes = [1, 3, 999, 4800]  # borders within samples, as no promise forbids
    heard, at = b"", 0
    while at < len(spoken):
        size = sizes[at % len(sizes)]
        piece = convert(payload(spoken[at : at + size]))
        check(piece)
        heard += b64decode(piece)
        at += size
    assert len(heard) == len(spoken) // 6
    assert close(decode(heard), tone(8000), delay=7) < 900


@given(st.lists(st.binary(max_size=100), max_size=30))
def test_never_more_milliseconds_are_heard_than_were_sent(pieces: list[bytes]) -> None:
    convert = to_line("audio/pcm")
    assert convert is not None
    sent = heard = 0
    for piece in pieces:
        sent += len(piece)
        heard += len(b64decode(convert(payload(piece))))
        assert heard == sent // 6


@pytest.mark.parametrize("way", [from_line, to_line])
def test_each_direction_of_each_session_keeps_its_own_borders(way: object) -> None:
    assert way("audio/pcm") is not way("audio/pcm")  # type: ignore[operator]
