"""The one-time token of the stream URL."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.twilio.token import LIFETIME_S, BadToken, open_token, seal, stream_keys

SID = "CA0123456789abcdef0123456789abcdef"
NONCE = bytes(range(16))
KEY, OLD_KEY = stream_keys(["new token", "old token"])
NOW_S = 1_795_000_000
ALPHABET = string.ascii_letters + string.digits + "-_"


def refusal(token: str, now_s: int = NOW_S, keys: tuple[bytes, ...] = (KEY,)) -> str:
    with pytest.raises(BadToken) as caught:
        open_token(token, now_s, keys)
    return caught.value.kind


@given(
    sid=st.text(min_size=1, max_size=40).filter(str.isprintable),
    now_s=st.integers(0, 2**40),
    nonce=st.binary(min_size=16, max_size=16),
    leg=st.integers(0, 255),
    profile=st.sampled_from(["", "clinic", "a-shop_2"]),
)
def test_what_was_sealed_is_what_is_read(sid: str, now_s: int, nonce: bytes, leg: int, profile: str) -> None:
    opened = open_token(seal(sid, now_s, nonce, KEY, leg=leg, profile=profile), now_s, [KEY])
    assert opened == (sid, now_s + LIFETIME_S, nonce, leg, profile)
    assert opened.resumed == (leg > 0)


def test_it_fits_into_the_path_of_a_url_as_it_is() -> None:
    assert set(seal(SID, NOW_S, b"\xff" * 16, KEY)) <= set(ALPHABET)


def test_it_holds_for_sixty_seconds() -> None:
    token = seal(SID, NOW_S, NONCE, KEY)
    assert open_token(token, NOW_S + 59, [KEY]).call_sid == SID
    assert refusal(token, NOW_S + 60) == "expired"


def test_the_old_key_still_opens_while_rotating() -> None:
    token = seal(SID, NOW_S, NONCE, OLD_KEY)
    assert open_token(token, NOW_S, [KEY, OLD_KEY]).nonce == NONCE
    assert open_token(token, NOW_S, [OLD_KEY, KEY]).nonce == NONCE
    assert refusal(token) == "forged"
    assert refusal(token, keys=()) == "forged"


def test_the_key_is_not_the_auth_token() -> None:
    assert b"new token" not in KEY
    assert len(KEY) == 32
    assert KEY != OLD_KEY


def flipped(token: str, bit: int) -> str:
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[bit // 8] ^= 1 << bit % 8
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(bit=st.integers(0, (16 + 8 + len(SID) + 32) * 8 - 1))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    assert refusal(flipped(seal(SID, NOW_S, NONCE, KEY), bit)) == "forged"


@pytest.mark.parametrize("sid", ["C", "CA", "CAx", SID])
@given(data=st.data())
def test_any_changed_character_is_refused_whatever_bits_the_last_one_spares(sid: str, data: st.DataObject) -> None:
    token = seal(sid, NOW_S, NONCE, KEY)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET).filter(lambda c: c != token[at]))
    assert refusal(token[:at] + other + token[at + 1 :]) in {"forged", "malformed"}


@pytest.mark.parametrize("change", ["{}=", "{}\n", " {}", "{}!", "!{}", "{}%", "é{}", "{}AAAA", "{}/"])
def test_a_token_has_one_spelling_only(change: str) -> None:
    assert refusal(change.format(seal(SID, NOW_S, NONCE, KEY))) in {"forged", "malformed"}


@given(st.text(max_size=600))
def test_garbage_is_refused_and_never_raises_anything_else(text: str) -> None:
    assert refusal(text) in {"forged", "malformed"}


def test_a_giant_is_refused_before_it_is_decoded() -> None:
    assert refusal("A" * 1_000_000) == "malformed"


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_nonce_of_the_wrong_size_is_our_own_fault(size: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        seal(SID, NOW_S, bytes(size), KEY)


@pytest.mark.parametrize("n_letters", [1, 34, 40])
def test_a_token_is_nonce_date_call_and_seal_and_nothing_else(n_letters: int) -> None:
    token = seal("C" * n_letters, NOW_S, NONCE, KEY)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert len(raw) == 16 + 8 + n_letters + 32
    assert raw.startswith(NONCE + (NOW_S + LIFETIME_S).to_bytes(8, "big") + b"C" * n_letters)


def test_the_longest_token_that_is_read_has_512_characters() -> None:
    longest = seal("C" * 328, NOW_S, NONCE, KEY)
    assert len(longest) == 512
    assert open_token(longest, NOW_S, [KEY]).call_sid == "C" * 328
    assert refusal(seal("C" * 329, NOW_S, NONCE, KEY)) == "malformed"
