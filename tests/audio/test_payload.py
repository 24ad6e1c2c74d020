from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.payload import MAX_MEDIA_CHARS, check, payload_bytes, silence, split


@given(st.binary(max_size=1_000))
def test_a_payload_is_accepted_and_counts_its_bytes(audio: bytes) -> None:
    payload = base64.b64encode(audio).decode()
    check(payload)
    assert payload_bytes(payload) == len(audio)


@pytest.mark.parametrize(
    "wrong",
    [
        "A",
        "AA",
        "AAA",
        "AAAAA",
        "AAAA=",
        "AAAA====",
        "AA=A",
        "====",
        "AA==AA==",
        "AAAA\n",
        " AAAA",
        "AA AA",
        "A-_A",
        '","x":"',
        "ÄAAA",
    ],
)
def test_what_is_not_strict_base64_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check(wrong)


def canonical(payload: str) -> bool:
    """True when a strict decoder reads it and an encoder pads as much: the decoder alone takes padding without end."""
    try:
        audio = binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:
        return False
    return len(base64.b64encode(audio)) == len(payload)


def accepted(payload: str) -> bool:
    try:
        check(payload)
    except ValueError:
        return False
    return True


pieces_of_base64 = st.lists(
    st.sampled_from(["A", "b", "9", "+", "/", "=", "==", "AAAA", "-", "\n", "\0", "Ä", "\ud800"])
)


@given(
    st.one_of(
        pieces_of_base64.map("".join),
        st.text(max_size=12),
        st.binary(max_size=40).map(lambda raw: base64.b64encode(raw).decode()),
    )
)
def test_what_is_accepted_is_what_an_encoder_writes(payload: str) -> None:
    assert accepted(payload) == canonical(payload)


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
