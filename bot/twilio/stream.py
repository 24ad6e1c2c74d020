"""The vocabulary of Twilio's media stream: what arrives, what may be sent (twilio-voice 4 and 5)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from bot.audio import payload

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class BadMessage(Exception):
    """The phone side sent something that is no message of the stream. `kind` is a short, countable name."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind


class _Message(msgspec.Struct, frozen=True, tag_field="event", rename="camel", gc=False):
    pass


class _Part(msgspec.Struct, frozen=True, rename="camel", gc=False):
    pass


class Connected(_Message, frozen=True, tag="connected"):
    """First message of the socket; carries no stream SID."""

    protocol: str = ""
    version: str = ""


class MediaFormat(_Part, frozen=True):
    encoding: str
    sample_rate: int
    channels: int


class StartPart(_Part, frozen=True):
    stream_sid: Annotated[str, msgspec.Meta(max_length=64)]
    account_sid: str
    call_sid: str
    media_format: MediaFormat
    tracks: tuple[str, ...] = ()
    custom_parameters: dict[str, str] = {}


class Start(_Message, frozen=True, tag="start"):
    start: StartPart
    stream_sid: str
    sequence_number: Count = 0


class MediaPart(_Part, frozen=True):
    """`timestamp` is the frame's place in the stream in ms; `payload` base64 mu-law."""

    payload: Annotated[str, msgspec.Meta(min_length=1)]
    timestamp: Count
    track: str = "inbound"
    chunk: Count = 0


class Media(_Message, frozen=True, tag="media"):
    media: MediaPart
    stream_sid: str
    sequence_number: Count = 0


class DtmfPart(_Part, frozen=True):
    digit: str
    track: str = ""


class Dtmf(_Message, frozen=True, tag="dtmf"):
    dtmf: DtmfPart
    stream_sid: str
    sequence_number: Count = 0


class MarkPart(_Part, frozen=True, forbid_unknown_fields=True):
    name: str


class MarkEcho(_Message, frozen=True, tag="mark"):
    """Our own mark, sent back when all audio before it has been played, or on clear."""

    mark: MarkPart
    stream_sid: str
    sequence_number: Count = 0


class StopPart(_Part, frozen=True):
    account_sid: str = ""
    call_sid: str = ""


class Stop(_Message, frozen=True, tag="stop"):
    stream_sid: str
    stop: StopPart = StopPart()
    sequence_number: Count = 0


Inbound = Connected | Start | Media | Dtmf | MarkEcho | Stop


class _Strict(_Message, frozen=True, forbid_unknown_fields=True):
    """A message to Twilio: it has no extra fields, since 31951 names them as a cause."""


class OutPart(_Part, frozen=True, forbid_unknown_fields=True):
    payload: Annotated[str, msgspec.Meta(min_length=1)]


class PlayMedia(_Strict, frozen=True, tag="media"):
    stream_sid: str
    media: OutPart


class SetMark(_Strict, frozen=True, tag="mark"):
    stream_sid: str
    mark: MarkPart


class Clear(_Strict, frozen=True, tag="clear"):
    stream_sid: str


Outbound = PlayMedia | SetMark | Clear

_inbound: msgspec.json.Decoder[Inbound] = msgspec.json.Decoder(Inbound, strict=False)
_outbound: msgspec.json.Decoder[Outbound] = msgspec.json.Decoder(Outbound)
_EVENTS = frozenset({"connected", "start", "media", "dtmf", "mark", "stop"})


class _Tag(msgspec.Struct):
    event: str = ""


def parse(text: str | bytes) -> Inbound:
    """One message from Twilio. Raises BadMessage of kind not_json, unknown_event, bad_shape or bad_base64."""
    try:
        message = _inbound.decode(text)
    except msgspec.ValidationError as error:
        raise BadMessage(_why(text), str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessage("not_json", str(error)) from None
    if type(message) is Media:
        try:
            payload.check(message.media.payload)
        except ValueError as error:
            raise BadMessage("bad_base64", str(error)) from None
    return message


def _why(text: str | bytes) -> str:
    try:
        event = msgspec.json.decode(text, type=_Tag).event
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "bad_shape"
    return "bad_shape" if event in _EVENTS else "unknown_event"


def parse_outbound(text: str | bytes) -> Outbound:
    """One message to Twilio, as strictly as Twilio reads it. Raises BadMessage."""
    try:
        message = _outbound.decode(text)
        if type(message) is PlayMedia:
            payload.check(message.media.payload)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise BadMessage("bad_outbound", str(error)) from None
    return message
