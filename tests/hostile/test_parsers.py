"""Inputs that the fuzzer found: each once made a parser raise what it may not."""

from __future__ import annotations

import pytest

from bot.realtime import events
from bot.twilio import stream

NOT_UTF8 = b"\xed\xa0\x80"


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"' + NOT_UTF8 + b'"}',
        b'{"type":"error","error":1,"' + NOT_UTF8 + b'":0}',
        b'{"type":"response.done","response":{"id":"' + NOT_UTF8 + b'"}}',
    ],
)
def test_an_event_that_is_no_utf8_is_a_bad_event_wherever_the_fault_stands(text: bytes) -> None:
    with pytest.raises(events.BadEvent):
        events.parse(text)


@pytest.mark.parametrize(
    "text", [b'{"event":"' + NOT_UTF8 + b'"}', b'{"event":"media","media":1,"x":"' + NOT_UTF8 + b'"}']
)
def test_a_message_that_is_no_utf8_is_a_bad_message_wherever_the_fault_stands(text: bytes) -> None:
    with pytest.raises(stream.BadMessage):
        stream.parse(text)


@pytest.mark.parametrize("size", [512, 513, 1_000_000])
def test_an_id_of_the_servers_has_an_end(size: int) -> None:
    """A call remembers ids; those of openai-realtime 3.1 have some thirty characters."""
    needed = b'{"type":"response.created","response":{"id":"' + b"x" * size + b'"}}'
    event = events.parse(b'{"type":"input_audio_buffer.committed","item_id":"' + b"x" * size + b'"}')
    assert isinstance(event, events.Committed)
    if size <= 512:
        assert event.item_id
        assert isinstance(events.parse(needed), events.ResponseCreated)
    else:
        assert not event.item_id
        with pytest.raises(events.BadEvent, match="bad_shape"):
            events.parse(needed)


def test_a_stream_names_itself_in_few_letters() -> None:
    """Its SID goes out with every message to it."""
    start = (
        '{"event":"start","streamSid":"MZ1","start":{"streamSid":"%s","accountSid":"AC1","callSid":"CA1",'
        '"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}'
    )
    assert isinstance(stream.parse(start % "MZ1"), stream.Start)
    with pytest.raises(stream.BadMessage, match="bad_shape"):
        stream.parse(start % ("M" * 65))
