"""Masking of logs: what they may not hold, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.observe.masking import knowing_again, mask_text, mask_value, masker

TOKEN = "5a0c3e9d7b1f4826a9c0e1d2b3f45867"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+15555550101", "+*********01"),
        ("call from +15555550101 to +442079460958.", "call from +*********01 to +**********58."),
        ("+1 (555) 555-0101", "+* (***) ***-**01"),
        ("+44 20 7946 0958", "+** ** **** **58"),
        ("From=%2B15555550101&To=%2b15555550100", "From=%2B*********01&To=%2b*********00"),
        ("sip:+15555550101@example.com", "sip:+*********01@example.com"),
        ("15555550101", "*********01"),
        ("555-555-0101 or (555) 555-0101", "***-***-**01 or (***) ***-**01"),
    ],
)
def test_a_telephone_number_keeps_its_last_two_digits(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "CA0123456789abcdef0123456789abcdef",
        "CA01234567890123456789012345678901",
        "MZ00000000000000000000000000000001",
        "resp_0123456789012345",
        "2026-11-22T18:42:00.123456Z",
        "2026-11-22 18:42:00",
        "heard 57340 of 92500 ms",
        "10.0.0.1:8080",
        "1024/2048",
        "18446744073709551616",
        "version 3.14.5",
        "item-1234567890",
        "0.1234567890123",
        "+1.5",
    ],
)
def test_what_is_no_telephone_number_is_left_alone(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer sk-proj-abc.DEF_123", "Authorization: Bearer ***"),
        ("authorization: basic QUM6dG9rZW4=", "authorization: basic ***"),
        ("Incorrect API key provided: sk-proj-0123456789", "Incorrect API key provided: sk-***"),
        ("secret ek_0123456789abc", "secret ek-***"),
        ("GET /media/AbC_-123456789012345678 HTTP/1.1", "GET /media/*** HTTP/1.1"),
        ("wss://h.example/one/media/AbC_-123456789012345678", "wss://h.example/one/media/***"),
    ],
)
def test_keys_headers_and_stream_tokens_are_masked_even_when_nobody_registered_them(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_registered_secrets_are_masked_in_plain_and_percent_encoded_spelling() -> None:
    mask = masker([TOKEN, "p/ss w+rd", ""])
    assert mask(f"token={TOKEN}, p/ss w+rd, p%2Fss%20w%2Brd") == "token=***, ***, ***"


def test_a_secret_that_begins_like_another_is_masked_whole() -> None:
    assert masker(["abc", "abcdef"])("abcdef abc") == "*** ***"


@given(secret=st.text(min_size=6).filter(lambda text: "*" not in text), before=st.text(), after=st.text())
def test_no_registered_secret_survives(secret: str, before: str, after: str) -> None:
    assert secret not in masker([secret])(before + secret + after)


@given(st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    mask = masker([TOKEN])
    assert mask(mask(text)) == mask(text)


class Odd:
    def __repr__(self) -> str:
        return f"<Odd {TOKEN}>"


def test_every_string_in_a_value_is_masked_however_deep_and_numbers_stay_numbers() -> None:
    value = {
        "plain": [TOKEN, 15555550101, 1.5, True, None],
        TOKEN: ({"number": "+15555550101"},),
        "odd": Odd(),
        "error": ValueError(TOKEN),
        "bytes": TOKEN.encode(),
    }
    assert mask_value(value, masker([TOKEN])) == {
        "plain": ["***", 15555550101, 1.5, True, None],
        "***": [{"number": "+*********01"}],
        "odd": "<Odd ***>",
        "error": "ValueError('***')",
        "bytes": "b'***'",
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_not_is_told_as_text(value: float) -> None:
    assert mask_value({"a": [value, 0.5]}, masker()) == {"a": [str(value), 0.5]}


def test_a_text_that_comes_again_is_looked_through_once_unless_something_was_masked_in_it() -> None:
    looked: list[str] = []

    def mask(text: str) -> str:
        looked.append(text)
        return masker([TOKEN])(text)

    known = knowing_again(mask)
    for _ in range(3):
        assert known("tool_called") == "tool_called"
        assert known(TOKEN) == "***"
        assert known("+15555550101") == "+*********01"
        assert known("x" * 65) == "x" * 65
    assert [looked.count(one) for one in ("tool_called", TOKEN, "+15555550101", "x" * 65)] == [1, 3, 3, 3]


def test_what_is_known_again_is_bounded() -> None:
    looked: list[str] = []
    known = knowing_again(lambda text: looked.append(text) or text)
    for number in range(1_002):
        known(f"event {number}")
    known("event 0")
    assert looked.count("event 0") == 2
