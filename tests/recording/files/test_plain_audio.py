"""Audio goes into a recording as it came; anything that could hold a word or a number does not take that way."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from bot.realtime.events import AppendAudio, TruncateItem
from bot.recording.files.plain_audio import plain_audio
from bot.recording.fixture_masking import Masker
from bot.twilio.stream import MarkPart, OutPart, PlayMedia, SetMark

SID = "MZ" + "0" * 32
MEDIA: dict[str, Any] = {
    "event": "media",
    "sequenceNumber": "2",
    "streamSid": SID,
    "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "////"},
}
DELTA: dict[str, Any] = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "+1234567890123//",
}


def wire(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


@pytest.mark.parametrize("message", [MEDIA, DELTA], ids=["media", "delta"])
def test_what_the_wire_brings_stays_as_it_came_and_so_would_the_masker_leave_it(message: dict[str, Any]) -> None:
    assert plain_audio(wire(message)) == wire(message)
    assert Masker(["a secret"]).message(message) == message


@pytest.mark.parametrize("command", [AppendAudio("////"), PlayMedia(SID, OutPart("////"))])
def test_what_we_send_is_encoded_as_it_is_sent(command: AppendAudio | PlayMedia) -> None:
    assert plain_audio(command) == msgspec.json.encode(command)


@pytest.mark.parametrize(
    "raw",
    [
        wire(MEDIA | {"caller": "+15555550101"}),
        wire(MEDIA | {"media": MEDIA["media"] | {"note": "+15555550101"}}),
        wire(MEDIA | {"media": MEDIA["media"] | {"track": "the caller is +15555550101"}}),
        wire(MEDIA | {"streamSid": "+15555550101"}),
        wire(MEDIA | {"sequenceNumber": "call me on 5555550101"}),
        wire(MEDIA).replace(b",", b",\n"),
        wire(DELTA | {"name": "Ada"}),
        b'{"event":"media","media":',
        wire({"event": "dtmf", "streamSid": SID, "dtmf": {"digit": "5"}}),
        SetMark(SID, MarkPart("e0.0")),
        TruncateItem("item_1", 100, 0),
        "text",
    ],
)
def test_everything_else_is_masked_the_long_way(raw: object) -> None:
    assert plain_audio(raw) is None
