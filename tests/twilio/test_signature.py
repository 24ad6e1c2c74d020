"""Signatures over webhooks and upgrades (twilio-voice 1.5 and 3)."""

from __future__ import annotations

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from bot.twilio.signature import absolute, stream_ok, stream_url, webhook_ok

KEY = "12345"
DOCS_URL = "https://example.com/myapp.php?foo=1&bar=2"
DOCS_PARAMS = [
    ("To", "+18005551212"),
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675310"),
    ("Digits", "1234"),
    ("From", "+14158675310"),
]
DOCS_SIGNATURE = "L/OH5YylLD5NRKLltdqwSvS0BnU="
MEDIA = "wss://bot.example.com/media"


def signed(url: str, params: dict[str, str] | None = None, key: str = KEY) -> str:
    return RequestValidator(key).compute_signature(url, params or {})


def test_the_documented_webhook_vector_is_accepted() -> None:
    assert webhook_ok([KEY], DOCS_URL, DOCS_PARAMS, DOCS_SIGNATURE)


@pytest.mark.parametrize(
    ("url", "params", "signature"),
    [
        (DOCS_URL, DOCS_PARAMS, ""),
        (DOCS_URL, DOCS_PARAMS, DOCS_SIGNATURE.lower()),
        (DOCS_URL, DOCS_PARAMS, DOCS_SIGNATURE + "="),
        (DOCS_URL, DOCS_PARAMS, "\xe9" * 28),
        (DOCS_URL, DOCS_PARAMS, "\udcff" * 28),
        (DOCS_URL, DOCS_PARAMS[1:], DOCS_SIGNATURE),
        (DOCS_URL, [*DOCS_PARAMS, ("Extra", "")], DOCS_SIGNATURE),
        (DOCS_URL + "&baz=3", DOCS_PARAMS, DOCS_SIGNATURE),
        (DOCS_URL.replace("https", "http"), DOCS_PARAMS, DOCS_SIGNATURE),
        (DOCS_URL.replace("?", "/?"), DOCS_PARAMS, DOCS_SIGNATURE),
        ("https://example.com/\udcff", [], DOCS_SIGNATURE),
    ],
)
def test_anything_else_is_refused_and_nothing_raises(url: str, params: list[tuple[str, str]], signature: str) -> None:
    assert not webhook_ok([KEY], url, params, signature)


def test_no_token_and_the_wrong_token_are_refused() -> None:
    assert not webhook_ok([], DOCS_URL, DOCS_PARAMS, DOCS_SIGNATURE)
    assert not webhook_ok(["54321"], DOCS_URL, DOCS_PARAMS, DOCS_SIGNATURE)


def test_both_tokens_count_while_rotating() -> None:
    assert webhook_ok(["new", KEY], DOCS_URL, DOCS_PARAMS, DOCS_SIGNATURE)
    assert webhook_ok([KEY, "new"], DOCS_URL, DOCS_PARAMS, DOCS_SIGNATURE)
    assert stream_ok(["new", KEY], MEDIA, signed(MEDIA))


def test_empty_fields_are_part_of_what_is_signed() -> None:
    url, fields = "https://h.example/voice", [("CallSid", "CA1"), ("FromCity", "")]
    assert webhook_ok([KEY], url, fields, signed(url, dict(fields)))
    assert not webhook_ok([KEY], url, fields[:1], signed(url, dict(fields)))


def test_repeated_names_are_signed_with_each_value_once_and_sorted() -> None:
    url = "https://h.example/voice"
    as_signed = signed(url + "Event" + "a" + "Event" + "b")
    assert webhook_ok([KEY], url, [("Event", "b"), ("Event", "a"), ("Event", "b")], as_signed)


@pytest.mark.parametrize(
    ("ours", "twilios"),
    [
        ("https://h.example:8443/voice", "https://h.example/voice"),
        ("https://h.example/voice", "https://h.example:443/voice"),
        ("http://localhost:8080/voice", "http://localhost:8080/voice"),
        ("https://user:pw@h.example:8443/voice", "https://h.example/voice"),
        ("http://user:pw@localhost:8080/voice", "http://localhost:8080/voice"),
        ("http://[::1]:8080/voice", "http://[::1]:8080/voice"),
        ("http://[::1]/voice", "http://[::1]/voice"),
        ("https://h.example/voice?", "https://h.example/voice?"),
        ("https://h.example/voice?a=%2F%20#rc=2", "https://h.example/voice?a=%2F%20"),
        ("https://h.example?a=1", "https://h.example?a=1"),
        ("https://h.example:8443?a=/b", "https://h.example?a=/b"),
    ],
)
def test_ports_user_names_and_fragments_are_taken_as_twilio_takes_them(ours: str, twilios: str) -> None:
    assert webhook_ok([KEY], ours, [("A", "b")], signed(twilios, {"A": "b"}))


@given(
    scheme=st.sampled_from(["http", "https"]),
    port=st.sampled_from(["", ":80", ":443", ":8080"]),
    path=st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="/-._~%=&"), max_size=30),
    params=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4).filter(
        lambda d: all(t.isprintable() for pair in d.items() for t in pair)
    ),
)
def test_what_twilios_own_validator_accepts_is_accepted(
    scheme: str, port: str, path: str, params: dict[str, str]
) -> None:
    url = f"{scheme}://h.example{port}/{path}"
    for made_over in (url, f"{scheme}://h.example/{path}"):
        signature = signed(made_over, params)
        assert RequestValidator(KEY).validate(url, params, signature)
        assert webhook_ok([KEY], url, list(params.items()), signature)


@pytest.mark.parametrize(
    ("form", "signature"),
    [
        ("wss://bot.example.com/media", "/wAl+WqMkvPvBcVutOs5CBheh4o="),
        ("wss://bot.example.com/media/", "f0GK/9EAuNavCJjNxnbDtImedyg="),
        ("wss://bot.example.com:443/media", "1N/8qt47sGq1vyoTnooVz+S5NiU="),
        ("wss://bot.example.com:443/media/", None),
    ],
)
@pytest.mark.parametrize("end", ["", "/"])
def test_the_four_forms_of_the_upgrade_are_accepted(form: str, signature: str | None, end: str) -> None:
    if signature is not None:
        assert signed(form) == signature
    assert stream_ok([KEY], MEDIA + end, signed(form))


@pytest.mark.parametrize(
    "form",
    [
        "https://bot.example.com/media",
        "ws://bot.example.com/media",
        "wss://bot.example.com/media//",
        "wss://bot.example.com:80/media",
        "wss://bot.example.com/media?a=1",
        "wss://bot.example.com.evil/media",
        "wss://bot.example.com/",
    ],
)
def test_no_other_form_of_the_upgrade_is_accepted(form: str) -> None:
    assert not stream_ok([KEY], MEDIA, signed(form))


def test_a_plain_stream_on_loopback_is_signed_with_its_port() -> None:
    assert stream_ok([KEY], "ws://127.0.0.1:8080/media/x", signed("ws://127.0.0.1:8080/media/x"))
    assert not stream_ok([KEY], "ws://127.0.0.1:8080/media/x", signed("ws://127.0.0.1:8081/media/x"))


@pytest.mark.parametrize(
    ("public", "stream", "webhook"),
    [
        ("https://h.example", "wss://h.example/media/T", "https://h.example/voice?a=%20"),
        ("https://h.example/", "wss://h.example/media/T", "https://h.example/voice?a=%20"),
        (
            "https://h.example:8443/bots/one",
            "wss://h.example:8443/bots/one/media/T",
            "https://h.example:8443/bots/one/voice?a=%20",
        ),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/media/T", "http://127.0.0.1:8080/voice?a=%20"),
        ("HTTPS://h.example", "wss://h.example/media/T", "HTTPS://h.example/voice?a=%20"),
    ],
)
def test_urls_for_twilio_are_absolute_and_keep_the_path_prefix(public: str, stream: str, webhook: str) -> None:
    assert stream_url(public, "T") == stream
    assert absolute(public, "/voice?a=%20") == webhook


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443), ("ws", 80), ("wss", 443)])
def test_the_port_of_each_scheme_may_be_spelled_out_where_it_is_understood(scheme: str, port: int) -> None:
    url, spelled = f"{scheme}://bot.example.com/voice", f"{scheme}://bot.example.com:{port}/voice"
    ok = stream_ok if scheme.startswith("ws") else lambda tokens, url, signature: webhook_ok(tokens, url, (), signature)
    for of in (url, spelled):
        assert ok([KEY], of, _plainly_signed(spelled))
        assert ok([KEY], of, _plainly_signed(url))
        assert not ok([KEY], of, _plainly_signed(spelled.replace(str(port), f"{port}0")))


def _plainly_signed(url: str) -> str:
    """A signature as Twilio makes it: HMAC-SHA1 over the URL as it is; its own validator alters ports."""
    return base64.b64encode(hmac.digest(KEY.encode(), url.encode(), "sha1")).decode()
