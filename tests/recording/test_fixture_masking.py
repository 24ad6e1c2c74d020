from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recording.fixture_masking import Masker
from tests.recording import records_sample as sample

ACCOUNT = sample.ACCOUNT
ZEROS = "AC" + "0" * 32


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        # telephone numbers with a plus, anywhere
        ({"x": "call +1 (555) 555-0142 now"}, {"x": "call +0 (000) 000-0000 now"}),
        ({"x": ["sip:+15555550142@host"]}, {"x": ["sip:+00000000000@host"]}),
        ({"x": "From=%2B15555550142&n=%2b15555550142"}, {"x": "From=%2B00000000000&n=%2b00000000000"}),
        ({"x": "+1 and 2", "id": "item_123456789"}, {"x": "+1 and 2", "id": "item_123456789"}),
        # in sentences also those without one; opening hours stay
        ({"instructions": "9 to 5, call 555-555-0142"}, {"instructions": "9 to 5, call 000-000-0000"}),
        ({"error": {"message": "no 15555550142"}}, {"error": {"message": "no 00000000000"}}),
        ({"note": "model_closed", "failure": "closed", "code": 1011, "reason": "busy with 15555550142"}, {"note": "model_closed", "failure": "closed", "code": 1011, "reason": "busy with 00000000000"}),
        ({"note": "dial_failed", "reason": "quota of 555 555 0142 used"}, {"note": "dial_failed", "reason": "quota of 000 000 0000 used"}),
        ({"note": "shutdown", "reason": "drained"}, {"note": "shutdown", "reason": "drained"}),
        # what was said or typed: every digit of any script
        ({"type": "x.transcript.delta", "delta": "fla 4b ٤"}, {"type": "x.transcript.delta", "delta": "fla 0b 0"}),
        ({"item": {"content": [{"type": "input_text", "text": "5 5"}]}}, {"item": {"content": [{"type": "input_text", "text": "0 0"}]}}),
        ({"event": "dtmf", "dtmf": {"digit": "7"}}, {"event": "dtmf", "dtmf": {"digit": "0"}}),
        ({"event": "dtmf", "dtmf": {"digit": "#"}}, {"event": "dtmf", "dtmf": {"digit": "#"}}),
        ({"logprobs": [{"token": "5", "bytes": [53]}]}, {"logprobs": []}),
        # arguments stay JSON
        ({"arguments": '{"n": 10, "s": "55\\u00e9\\u0035"}'}, {"arguments": '{"n": 11, "s": "11\\u00e9\\u0031"}'}),
        ({"type": "response.function_call_arguments.delta", "delta": "12"}, {"type": "response.function_call_arguments.delta", "delta": "11"}),
        # audio, numbers and vocabulary stay
        ({"type": "response.output_audio.delta", "delta": "AAA1"}, {"type": "response.output_audio.delta", "delta": "AAA1"}),
        ({"media": {"payload": "+1234567"}, "audio": "+1234567"}, {"media": {"payload": "+1234567"}, "audio": "+1234567"}),
        ({"audio_end_ms": 1420, "type": "hunter22"}, {"audio_end_ms": 1420, "type": "hunter22"}),
        # identifiers and secrets
        ({"accountSid": ACCOUNT, "x": f"/{ACCOUNT}/"}, {"accountSid": ZEROS, "x": f"/{ZEROS}/"}),
        ({"customParameters": {"a": "Ann", "b": "1"}}, {"customParameters": {"a": "***", "b": "***"}}),
        ({"x": "say hunter22!", "text": "hunter22"}, {"x": "say ***!", "text": "***"}),
    ],
)  # fmt: skip
def test_each_rule(message: Any, expected: Any) -> None:
    masker = Masker(["hunter22", "", "8"])
    assert masker.message(message) == expected
    assert masker.message(expected) == expected


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Masker(["abcd", "abcdefgh"]).message({"x": "abcdefgh abcd"}) == {"x": "*** ***"}


def test_settings_are_masked_as_the_messages_they_become() -> None:
    masked = Masker([sample.KEY]).settings(sample.SETTINGS)
    assert masked.session.instructions == "Open from 9 to 5. Transfer to +0 (000) 000-0000. Key ***."
    assert masked.greeting == "Hello, call 000 000 0000 too."
    assert (masked.account_sid, masked.call_sid) == (ZEROS, sample.CALL)
    assert masked.session.turn_detection == sample.SETTINGS.session.turn_detection


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.from_regex(r"\+?[\d ().-]{6,14}", fullmatch=True),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "delta", "text", "id", "instructions", "item", "digit"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(VALUES)
def test_masking_twice_is_masking_once_and_keeps_every_length(value: Any) -> None:
    masker = Masker()
    masked = masker.message(value)
    assert masker.message(masked) == masked
    assert len(json.dumps(masked, ensure_ascii=False)) == len(json.dumps(value, ensure_ascii=False))


@given(
    st.recursive(
        st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        st.lists,
        max_leaves=5,
    ),
    st.booleans(),
)
def test_masked_arguments_are_still_json(value: Any, ascii_only: bool) -> None:
    masked = Masker().message({"arguments": json.dumps(value, ensure_ascii=ascii_only)})
    json.loads(masked["arguments"])


@given(st.text(alphabet="0123456789 ab+-", max_size=30), st.integers(0, 30))
def test_words_split_over_deltas_lose_their_digits_all_the_same(text: str, at: int) -> None:
    def delta(part: str) -> str:
        return Masker().message({"type": "response.output_audio_transcript.delta", "delta": part})["delta"]

    joined = delta(text[:at]) + delta(text[at:])
    assert joined == delta(text)
    assert not set(joined) & set("123456789")


@pytest.mark.parametrize(
    "key",
    ["announcement", "description", "details", "faults", "greeting", "instructions", "message", "prompt", "reason", "why"],
)  # fmt: skip
def test_a_bare_number_goes_from_every_kind_of_sentence(key: str) -> None:
    assert Masker().message({key: "ring 15555550142"}) == {key: "ring 00000000000"}
    assert Masker().message({key: ["ring 15555550142"]}) == {key: ["ring 00000000000"]}


def test_the_argument_is_left_as_it_is() -> None:
    message = {"item": {"text": "5", "more": ["+15555550142"]}}
    before = msgspec.json.encode(message)
    Masker().message(message)
    assert msgspec.json.encode(message) == before
