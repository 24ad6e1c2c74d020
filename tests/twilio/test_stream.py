"""Twilio's messages as twilio-voice 4 shows them, and everything that is none."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.twilio import stream
from bot.twilio.stream import BadMessage, parse, parse_outbound

SID = "MZ00000000000000000000000000000001"
MEDIA = {"track": "inbound", "chunk": "1", "timestamp": "40", "payload": "f39/fw=="}
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
START = {
    "accountSid": "AC1",
    "streamSid": SID,
    "callSid": "CA1",
    "tracks": ["inbound"],
    "mediaFormat": FORMAT,
    "customParameters": {"from": "+15555550101"},
}

# twilio-voice 4: the samples, numbers as strings where Twilio sends strings.
SAMPLES: dict[str, tuple[dict[str, Any], stream.Inbound]] = {
    "connected": ({"event": "connected", "protocol": "Call", "version": "1.0.0"}, stream.Connected("Call", "1.0.0")),
    "start": (
        {"event": "start", "sequenceNumber": "1", "streamSid": SID, "start": START},
        stream.Start(
            stream.StartPart(
                SID, "AC1", "CA1", stream.MediaFormat("audio/x-mulaw", 8000, 1), ("inbound",), {"from": "+15555550101"}
            ),
            SID,
            1,
        ),
    ),
    "media": (
        {"event": "media", "sequenceNumber": "2", "streamSid": SID, "media": MEDIA},
        stream.Media(stream.MediaPart("f39/fw==", 40, "inbound", 1), SID, 2),
    ),
    "dtmf": (
        {"event": "dtmf", "sequenceNumber": "3", "streamSid": SID, "dtmf": {"track": "inbound_track", "digit": "5"}},
        stream.Dtmf(stream.DtmfPart("5", "inbound_track"), SID, 3),
    ),
    "mark": (
        {"event": "mark", "sequenceNumber": "4", "streamSid": SID, "mark": {"name": "e0.1"}},
        stream.MarkEcho(stream.MarkPart("e0.1"), SID, 4),
    ),
    "stop": (
        {"event": "stop", "sequenceNumber": "5", "streamSid": SID, "stop": {"accountSid": "AC1", "callSid": "CA1"}},
        stream.Stop(SID, stream.StopPart("AC1", "CA1"), 5),
    ),
}


@pytest.mark.parametrize(("wire", "message"), SAMPLES.values(), ids=SAMPLES)
def test_each_message_of_the_reference_is_read(wire: dict[str, Any], message: stream.Inbound) -> None:
    assert parse(json.dumps(wire)) == message
    assert parse(json.dumps(wire).encode()) == message
    assert parse(json.dumps({**wire, "invented": {"later": 1}})) == message


def test_numbers_may_be_numbers_too() -> None:
    message = parse(json.dumps({"event": "media", "streamSid": SID, "media": {"timestamp": 40, "payload": "/w=="}}))
    assert message == stream.Media(stream.MediaPart("/w==", 40), SID)


def test_media_of_nothing_is_refused_both_ways() -> None:
    with pytest.raises(BadMessage, match="bad_shape"):
        parse(media(payload=""))
    with pytest.raises(BadMessage):
        parse_outbound(json.dumps({"event": "media", "streamSid": SID, "media": {"payload": ""}}))


def test_a_start_without_parameters_has_none() -> None:
    part = {key: value for key, value in START.items() if key != "customParameters"}
    message = parse(json.dumps({"event": "start", "streamSid": SID, "start": part}))
    assert isinstance(message, stream.Start)
    assert message.start.custom_parameters == {}


def media(**fields: Any) -> str:
    return json.dumps({"event": "media", "streamSid": SID, "media": {**MEDIA, **fields}})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "not_json"),
        ("hello", "not_json"),
        ('{"event":"media"', "not_json"),
        (b"\xff\xfe", "not_json"),
        ("\ud800", "not_json"),
        ("[" * 100_000, "bad_shape"),
        ('{"event":' + "[" * 100_000, "not_json"),
        ("[]", "bad_shape"),
        ("null", "bad_shape"),
        ('"media"', "bad_shape"),
        ('{"event":5}', "bad_shape"),
        ("{}", "unknown_event"),
        ('{"event":"closed"}', "unknown_event"),
        ('{"event":"start"}', "bad_shape"),
        ('{"event":"media","streamSid":"MZ1"}', "bad_shape"),
        ('{"event":"mark","streamSid":"MZ1","mark":{}}', "bad_shape"),
        (media(timestamp="-1"), "bad_shape"),
        (media(timestamp="soon"), "bad_shape"),
        (media(timestamp=str(2**53 + 1)), "bad_shape"),
        (media(timestamp="9" * 5_000), "bad_shape"),
        (media(payload=None), "bad_shape"),
        (media(payload="not base64"), "bad_base64"),
        (media(payload="AAA"), "bad_base64"),
        (media(payload='","x":"'), "bad_base64"),
    ],
)
def test_what_is_no_message_is_refused_by_a_countable_name(text: str | bytes, kind: str) -> None:
    with pytest.raises(BadMessage) as refused:
        parse(text)
    assert refused.value.kind == kind


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
mutated = st.sampled_from([wire for wire, _ in SAMPLES.values()]).flatmap(
    lambda wire: st.builds(
        lambda key, value: json.dumps({**wire, key: value}), st.sampled_from([*wire, "streamSid", "event"]), json_like
    )
)


def outcome(text: str | bytes) -> str:
    try:
        return type(parse(text)).__name__
    except BadMessage as error:
        return error.kind


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60), json_like.map(json.dumps), mutated))
def test_any_input_is_a_message_or_a_bad_message(text: str | bytes) -> None:
    known = {kind.__name__ for kind in get_args(stream.Inbound)}
    assert outcome(text) in known | {"not_json", "unknown_event", "bad_shape", "bad_base64"}


OUTBOUND: tuple[tuple[stream.Outbound, str], ...] = (
    (
        stream.PlayMedia("MZ1", stream.OutPart("AAAA")),
        '{"event":"media","streamSid":"MZ1","media":{"payload":"AAAA"}}',
    ),
    (
        stream.SetMark("MZ1", stream.MarkPart("e0.1")),
        '{"event":"mark","streamSid":"MZ1","mark":{"name":"e0.1"}}',
    ),
    (stream.Clear("MZ1"), '{"event":"clear","streamSid":"MZ1"}'),
)


@pytest.mark.parametrize(("message", "wire"), OUTBOUND)
def test_what_we_send_has_exactly_the_references_shape(message: stream.Outbound, wire: str) -> None:
    assert msgspec.json.encode(message).decode() == wire
    assert parse_outbound(wire) == message


@pytest.mark.parametrize(
    "wire",
    [
        '{"event":"clear"}',
        '{"event":"clear","streamSid":"MZ1","extra":1}',
        '{"event":"mark","streamSid":"MZ1"}',
        '{"event":"mark","streamSid":"MZ1","mark":{"name":"x","extra":1}}',
        '{"event":"media","streamSid":"MZ1","media":{"payload":"AAAA","track":"outbound"}}',
        '{"event":"media","streamSid":"MZ1","media":{"payload":"not base64"}}',
        '{"event":"media","streamSid":5,"media":{"payload":"AAAA"}}',
        '{"event":"start","streamSid":"MZ1"}',
        "not json",
        "[" * 100_000,
    ],
)
def test_what_twilio_would_refuse_is_refused(wire: str) -> None:
    with pytest.raises(BadMessage) as refused:
        parse_outbound(wire)
    assert refused.value.kind == "bad_outbound"
