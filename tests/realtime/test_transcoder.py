"""A session's messages in its own format and in the line's: what is changed, what is left as it is."""

from __future__ import annotations

from base64 import b64decode, b64encode
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.transcode import FORMATS, Format, from_line, to_line
from bot.realtime import events
from bot.realtime.transcoder import Transcoder

encode = msgspec.json.Encoder().encode
MULAW = bytes(range(256)) * 4


def text64(audio: bytes) -> str:
    return b64encode(audio).decode()


def converted(convert: Any, payload: str) -> str:
    return payload if convert is None else convert(payload)


def delta(audio: bytes, item_id: str = "item_1") -> bytes:
    return encode(events.AudioDelta("resp_1", item_id, text64(audio), 2))


@pytest.mark.parametrize("heard", FORMATS)
def test_the_callers_audio_goes_out_as_the_session_takes_it(heard: Format) -> None:
    between, whole = Transcoder(heard, "audio/pcmu"), from_line(heard)
    for at in range(0, len(MULAW), 160):
        frame = text64(MULAW[at : at + 160])
        sent = events.parse_command(between.to_session(encode(events.AppendAudio(frame))))
        assert sent == events.AppendAudio(converted(whole, frame))


@pytest.mark.parametrize("spoken", FORMATS)
def test_each_item_comes_in_as_if_it_were_the_only_one(spoken: Format) -> None:
    between = Transcoder("audio/pcmu", spoken)
    audio = bytes(range(200)) * 6
    for item_id in ("item_1", "item_2", "item_1"):
        event = events.parse(between.from_session(delta(audio, item_id)))
        assert event == events.AudioDelta("resp_1", item_id, converted(to_line(spoken), text64(audio)), 2)


@given(st.binary(max_size=600), st.lists(st.integers(0, 600), max_size=6))
def test_where_a_reply_is_cut_into_deltas_can_not_be_heard(audio: bytes, cuts: list[int]) -> None:
    between, at = Transcoder("audio/pcmu", "audio/pcm"), [0, *sorted(cuts), 600]
    came = b""
    for start, end in pairwise(at):
        event = events.parse(between.from_session(delta(audio[start:end])))
        assert isinstance(event, events.AudioDelta)
        came += b64decode(event.delta)
    assert came == b64decode(converted(to_line("audio/pcm"), text64(audio)))
    assert len(came) * 6 <= len(audio)  # never more milliseconds than came


def item(*content: dict[str, Any]) -> events.CreateItem:
    return events.CreateItem(
        {"id": "said_1", "type": "message", "role": "user", "content": list(content)}, "item_1", "root"
    )


@pytest.mark.parametrize("heard", FORMATS)
def test_what_a_new_session_is_told_of_the_callers_voice_is_in_its_format(heard: Format) -> None:
    words, voice = {"type": "input_text", "text": "Hello."}, {"type": "input_audio", "audio": text64(MULAW)}
    between = Transcoder(heard, "audio/pcmu")
    for _ in range(2):  # nothing of the first sounds in the second
        sent = events.parse_command(between.to_session(encode(item(words, voice))))
        assert sent == item(words, {**voice, "audio": converted(from_line(heard), text64(MULAW))})


OTHERS = [
    encode(events.UpdateSession({"audio": {"input": {"format": {"type": "audio/pcm"}}}}, "session_1")),
    encode(item({"type": "input_text", "text": "input_audio"})),
    encode(events.CreateItem({"type": "function_call_output", "call_id": "input_audio", "output": ""})),
    encode(events.TruncateItem("item_1", 480, 0)),
    encode(events.CreateResponse()),
]


@pytest.mark.parametrize("text", OTHERS)
def test_what_has_no_audio_in_it_goes_out_with_the_same_meaning(text: bytes) -> None:
    assert events.parse_command(Transcoder("audio/pcm", "audio/pcm").to_session(text)) == events.parse_command(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"response.output_audio.done","response_id":"r","item_id":"i"}',
        b'{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"@@"}',
        b'{"type":"conversation.item.added","item":{"name":"response.output_audio.delta"}}',
        b"response.output_audio.delta",
        b"",
    ],
)
def test_what_has_no_readable_audio_in_it_comes_in_byte_for_byte(text: bytes) -> None:
    assert Transcoder("audio/pcm", "audio/pcm").from_session(text) == text
