"""The vocabulary of the Realtime session, GA shape: what arrives, what may be sent (openai-realtime.md, section 3)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from bot.audio import payload

Id = Annotated[str, msgspec.Meta(max_length=512)]
"""What the server names things by: some thirty characters. A call remembers them, so they have an end."""


class BadEvent(Exception):
    """The model side sent something that is no event. `kind` is a short, countable name."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind


class _Event(msgspec.Struct, frozen=True, tag_field="type", gc=False):
    pass


class _Part(msgspec.Struct, frozen=True, gc=False):
    pass


# ---- what the server sends -------------------------------------------------------------------------------------------


class Format(_Part, frozen=True):
    type: str = ""
    rate: int | None = None


class AudioSide(_Part, frozen=True):
    format: Format = Format()


class Audio(_Part, frozen=True):
    input: AudioSide = AudioSide()
    output: AudioSide = AudioSide()


class Session(_Part, frozen=True):
    """The echo of the session: only what is checked. `expires_at` is in epoch seconds."""

    id: str = ""
    model: str = ""
    expires_at: int | None = None
    audio: Audio = Audio()


class SessionCreated(_Event, frozen=True, tag="session.created"):
    session: Session


class ConversationCreated(_Event, frozen=True, tag="conversation.created"):
    """xAI's first word, in place of session.created (section 1.5)."""


class SessionUpdated(_Event, frozen=True, tag="session.updated"):
    session: Session


class SpeechStarted(_Event, frozen=True, tag="input_audio_buffer.speech_started"):
    """`audio_start_ms` counts all input audio written in this session and includes the prefix padding."""

    audio_start_ms: int
    item_id: Id


class SpeechStopped(_Event, frozen=True, tag="input_audio_buffer.speech_stopped"):
    audio_end_ms: int
    item_id: Id


class Committed(_Event, frozen=True, tag="input_audio_buffer.committed"):
    item_id: Id
    previous_item_id: Id | None = None


class Content(_Part, frozen=True):
    type: str = ""
    transcript: str | None = None
    text: str | None = None


class Item(_Part, frozen=True):
    """A conversation item: message, function_call, function_call_output and others. `content` may be null."""

    id: Id = ""
    type: str = ""
    role: str | None = None
    status: str | None = None
    content: tuple[Content, ...] | None = ()
    name: str | None = None
    call_id: Id | None = None
    arguments: str | None = None


class ItemAdded(_Event, frozen=True, tag="conversation.item.added"):
    item: Item
    previous_item_id: Id | None = None


class ItemDone(_Event, frozen=True, tag="conversation.item.done"):
    item: Item
    previous_item_id: Id | None = None


class ItemTruncated(_Event, frozen=True, tag="conversation.item.truncated"):
    item_id: Id
    audio_end_ms: int
    content_index: int = 0


class ItemDeleted(_Event, frozen=True, tag="conversation.item.deleted"):
    item_id: Id


class CallerTranscript(_Event, frozen=True, tag="conversation.item.input_audio_transcription.completed"):
    """`usage` is read by bot.realtime.usage, which refuses nothing: no strange number may cost us the words."""

    item_id: Id
    transcript: str
    content_index: int = 0
    usage: Any = None


class CallerTranscriptFailed(_Event, frozen=True, tag="conversation.item.input_audio_transcription.failed"):
    item_id: Id
    content_index: int = 0


class Problem(_Part, frozen=True):
    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    event_id: Id | None = None


class StatusDetails(_Part, frozen=True):
    type: str | None = None
    reason: str | None = None
    error: Problem | None = None


class Response(_Part, frozen=True):
    """`status`: in_progress, completed, cancelled, incomplete, failed (section 6). `output` may be null.

    `usage` is read by bot.realtime.usage, which refuses nothing: a response must be seen to end.
    """

    id: Id
    status: str = ""
    status_details: StatusDetails | None = None
    output: tuple[Item, ...] | None = ()
    conversation_id: str | None = None
    usage: Any = None
    metadata: dict[str, str] | None = None


class ResponseCreated(_Event, frozen=True, tag="response.created"):
    response: Response


class ResponseDone(_Event, frozen=True, tag="response.done"):
    response: Response


class OutputItemAdded(_Event, frozen=True, tag="response.output_item.added"):
    response_id: Id
    item: Item
    output_index: int = 0


class OutputItemDone(_Event, frozen=True, tag="response.output_item.done"):
    response_id: Id
    item: Item
    output_index: int = 0


class AudioDelta(_Event, frozen=True, tag="response.output_audio.delta"):
    """`delta` is base64 audio in the session's output format."""

    response_id: Id
    item_id: Id
    delta: str
    content_index: int = 0
    output_index: int = 0


class AudioDone(_Event, frozen=True, tag="response.output_audio.done"):
    response_id: Id
    item_id: Id
    content_index: int = 0
    output_index: int = 0


class TranscriptDelta(_Event, frozen=True, tag="response.output_audio_transcript.delta"):
    response_id: Id
    item_id: Id
    delta: str
    content_index: int = 0
    output_index: int = 0


class TranscriptDone(_Event, frozen=True, tag="response.output_audio_transcript.done"):
    response_id: Id
    item_id: Id
    transcript: str
    content_index: int = 0
    output_index: int = 0


class RateLimits(_Event, frozen=True, tag="rate_limits.updated"):
    rate_limits: tuple[dict[str, Any], ...] = ()


class Error(_Event, frozen=True, tag="error"):
    """Not fatal by itself: a fatal one is followed by a close in the same instant (section 6)."""

    error: Problem


class Unknown(msgspec.Struct, frozen=True):
    """An event that is tolerated and not used."""

    type: str


_Used = (
    SessionCreated
    | ConversationCreated
    | SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | Committed
    | ItemAdded
    | ItemDone
    | ItemTruncated
    | ItemDeleted
    | CallerTranscript
    | CallerTranscriptFailed
    | ResponseCreated
    | ResponseDone
    | OutputItemAdded
    | OutputItemDone
    | AudioDelta
    | AudioDone
    | TranscriptDelta
    | TranscriptDone
    | RateLimits
    | Error
)
ServerEvent = _Used | Unknown


# ---- what we send ----------------------------------------------------------------------------------------------------


class _Command(_Event, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class UpdateSession(_Command, frozen=True, tag="session.update"):
    """`session` is the GA object; bot.realtime.session makes it."""

    session: dict[str, Any]
    event_id: str = ""


class AppendAudio(_Command, frozen=True, tag="input_audio_buffer.append"):
    """`audio` is base64 in the session's input format. Never answered, so it carries no event id."""

    audio: str


class CreateItem(_Command, frozen=True, tag="conversation.item.create"):
    """`previous_item_id`: the id it comes after, `root` for the first place, empty for the last."""

    item: dict[str, Any]
    event_id: str = ""
    previous_item_id: str = ""


class TruncateItem(_Command, frozen=True, tag="conversation.item.truncate"):
    item_id: str
    audio_end_ms: int
    content_index: int
    event_id: str = ""


class DeleteItem(_Command, frozen=True, tag="conversation.item.delete"):
    item_id: str
    event_id: str = ""


class CreateResponse(_Command, frozen=True, tag="response.create"):
    response: dict[str, Any] = {}
    event_id: str = ""


class CancelResponse(_Command, frozen=True, tag="response.cancel"):
    response_id: str
    event_id: str = ""


ClientEvent = UpdateSession | AppendAudio | CreateItem | TruncateItem | DeleteItem | CreateResponse | CancelResponse

_server: msgspec.json.Decoder[_Used] = msgspec.json.Decoder(_Used)
_client: msgspec.json.Decoder[ClientEvent] = msgspec.json.Decoder(ClientEvent)
_KNOWN: frozenset[str] = frozenset(str(kind.__struct_config__.tag) for kind in _Used.__args__)


class _Tag(msgspec.Struct):
    type: str


def parse(text: str | bytes) -> ServerEvent:
    """One event from the server; an unknown type gives Unknown. Raises BadEvent: not_json, bad_shape, bad_base64."""
    try:
        event = _server.decode(text)
    except msgspec.ValidationError as error:
        return _unknown(text, str(error))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadEvent("not_json", str(error)) from None
    if type(event) is AudioDelta:
        try:
            payload.check(event.delta)
        except ValueError as error:
            raise BadEvent("bad_base64", str(error)) from None
    return event


def _unknown(text: str | bytes, why: str) -> Unknown:
    try:
        kind = msgspec.json.decode(text, type=_Tag).type
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadEvent("bad_shape", why) from None
    if kind in _KNOWN:
        raise BadEvent("bad_shape", why)
    return Unknown(kind)


def parse_command(text: str | bytes) -> ClientEvent:
    """One event of ours, as in a fixture. Raises BadEvent."""
    try:
        return _client.decode(text)
    except (ValueError, RecursionError) as error:
        raise BadEvent("bad_command", str(error)) from None
