"""Messages that are audio and nothing else: they need no masking, and a call has a hundred of them a second."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bot.realtime.events import AppendAudio
from bot.twilio.stream import PlayMedia


class _Exactly(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Known fields, of a form that holds no words and no number of a person."""


class _MediaPart(_Exactly):
    payload: str
    timestamp: str
    track: str = ""
    chunk: str = ""


class _Media(_Exactly, tag_field="event", tag="media"):
    media: _MediaPart
    streamSid: str  # noqa: N815  as on the wire
    sequenceNumber: str = ""  # noqa: N815


class _Delta(_Exactly, tag_field="type", tag="response.output_audio.delta"):
    delta: str
    response_id: str
    item_id: str
    event_id: str = ""
    output_index: int = 0
    content_index: int = 0


_encode = msgspec.json.Encoder().encode
_media = msgspec.json.Decoder(_Media)
_delta = msgspec.json.Decoder(_Delta)
_MEDIA_START = b'{"event":"media"'
_FRAME_LINES = (
    b'{"us":%d,"way":"phone>bot","message":%b,"socket":%d}\n{"us":%d,"way":"bot>model","message":%b,"socket":%d}\n'
)
_DELTA_START = b'{"type":"response.output_audio.delta"'


def plain_audio(message: object) -> bytes | None:
    """The JSON of `message`, on one line, if it is a message of audio in the usual form; None for any other."""
    kind = type(message)
    if kind is AppendAudio or kind is PlayMedia:
        return _encode(message)
    if not isinstance(message, bytes):
        return None
    if message.startswith(_MEDIA_START):
        return message if _is_plain_frame(message) else None
    if message.startswith(_DELTA_START):
        return message if b"\n" not in message and _decodes(_delta, message) else None
    return None


def frame_lines(us: int, text: bytes, passed: Sequence[object], stream: int, socket: int) -> bytes:
    """The two lines of a fixture for a caller's frame and the one message of audio that it led to.

    Empty when there were more, or none, or the frame is not in the usual form.
    """
    if len(passed) != 1 or not _is_plain_frame(text):
        return b""
    return _FRAME_LINES % (us, text, stream, us, _encode(passed[0]), socket)


def _is_plain_frame(message: bytes) -> bool:
    if b"\n" in message:
        return False
    try:
        media = _media.decode(message)
    except (msgspec.DecodeError, UnicodeError):
        return False
    part = media.media
    short = len(part.timestamp) <= 16 and len(part.chunk) <= 16 and len(part.track) <= 16
    return short and len(media.sequenceNumber) <= 16 and media.streamSid.startswith("MZ") and len(media.streamSid) == 34


def _decodes(decoder: msgspec.json.Decoder[_Delta], message: bytes) -> bool:
    try:
        decoder.decode(message)
    except (msgspec.DecodeError, UnicodeError):
        return False
    return True
