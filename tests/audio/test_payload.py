from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.payload import MAX_MEDIA_CHARS, payload_bytes, silence, split


@given(st.binary(max_size=1_000))
def test_a_payload_counts_its_bytes(audio: bytes) -> None:
    assert payload_bytes(base64.b64encode(audio).decode()) == len(audio)


@pytest.mark.parametrize(
    "wrong",
    ["A", "AA", "AAA", "AAAAA", "AA=A", "====", "AA==AA==", "AAAA\n", " AAAA", "AA AA", "A-_A", '","x":"', "ÄAAA"],
)
def test_what_is_not_strict_base64_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        payload_bytes(wrong)


@pytest.mark.parametrize("n_bytes", [0, 1, 2, 3, 4, 160, 479, 480, 48_000])
def test_silence_is_so_many_bytes_of_ff(n_bytes: int) -> None:
    assert base64.b64decode(silence(n_bytes)) == b"\xff" * n_bytes


@given(st.sampled_from([0, 1, 160, 47_999, 48_000, 48_001, 96_000, 96_001, 200_000]))
def test_pieces_are_small_whole_and_the_same_bytes(n_bytes: int) -> None:
    audio = bytes(number % 251 for number in range(n_bytes))
    pieces = split(base64.b64encode(audio).decode())
    assert all(len(piece) <= MAX_MEDIA_CHARS for piece in pieces)
    assert b"".join(base64.b64decode(piece, validate=True) for piece in pieces) == audio
    assert len(pieces) == max(1, -(-n_bytes // 48_000))
