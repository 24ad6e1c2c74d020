"""The vocabulary of the Realtime session, GA shape: what arrives, what may be sent (openai-realtime 3)."""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec

from bot.audio import payload
from bot.realtime import lenient

Id = Annotated[str, msgspec.Meta(max_length=512)]
"""A name that the server gives, some thirty characters. A call remembers them, so their length is bounded."""


Index = Annotated[int, msgspec.Meta(ge=0, le=255)]
"""The place of a content in its item; real items have one or two."""


UNTOLD_MS = 2**40
"""An offset beyond all audio there is: where the server told none, now is meant."""


class BadEvent(Exception):
    """The model side sent something that is no event. `kind` is a short, countable name, `about` says it in words."""

    def __init__(self, kind: str, about: str = "") -> None:
        super().__init__(f"{kind}: {about}" if about else kind)
        self.kind = kind
        self.about = about


class _Event(msgspec.Struct, frozen=True, tag_field="type", gc=False):
    pass


class _Part(msgspec.Struct, frozen=True, gc=False):
    pass


# ---- what the server sends -------------------------------------------------------------------------------------------
# A field without a default is one that the call can do nothing without. Any other may be null, missing or of another
# type: it is then taken for its default (bot.realtime.lenient). What nobody reads is no field here.


class Format(_Part, frozen=True):
    """None: not told. A type without a letter names no format, and a broken rate is none."""

    type: Annotated[str, msgspec.Meta(pattern="[A-Za-z]")] | None = None
    rate: Annotated[float, msgspec.Meta(ge=0)] | None = None


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
    session: Session = Session()


class ConversationCreated(_Event, frozen=True, tag="conversation.created"):
    """xAI's first word, beside session.created or in its place (openai-realtime W8)."""


class SessionUpdated(_Event, frozen=True, tag="session.updated"):
    session: Session = Session()


class SpeechStarted(_Event, frozen=True, tag="input_audio_buffer.speech_started"):
    """`audio_start_ms` counts all input audio written in this session and includes the prefix padding."""

    audio_start_ms: int = UNTOLD_MS
    item_id: Id = ""


class SpeechStopped(_Event, frozen=True, tag="input_audio_buffer.speech_stopped"):
    audio_end_ms: int = UNTOLD_MS
    item_id: Id = ""


class Committed(_Event, frozen=True, tag="input_audio_buffer.committed"):
    item_id: Id = ""


class Item(_Part, frozen=True):
    """A conversation item: message, function_call, function_call_output and others."""

    id: Id = ""
    type: str = ""
    role: str | None = None
    status: str | None = None
    name: str | None = None
    call_id: Id | None = None
    arguments: str | None = None
    server_label: str | None = None
    approval_request_id: Id | None = None
    output: str | None = None
    """The result of a call that the server made itself."""
    error: Any = None
    """The fault of such a call: an object or a sentence (openai-realtime 3.3)."""
    phase: str | None = None
    """Of a message: commentary, what is said ahead of a call, or final_answer (openai-realtime W2)."""


class ItemAdded(_Event, frozen=True, tag="conversation.item.added"):
    item: Item = Item()


class ItemDone(_Event, frozen=True, tag="conversation.item.done"):
    item: Item = Item()


class ItemTruncated(_Event, frozen=True, tag="conversation.item.truncated"):
    item_id: Id = ""
    audio_end_ms: int = UNTOLD_MS
    content_index: Index = 0


class ItemDeleted(_Event, frozen=True, tag="conversation.item.deleted"):
    item_id: Id = ""


class Problem(_Part, frozen=True):
    """The `code` of some servers is a number: it is read as its digits."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    event_id: Id | None = None


class CallerTranscript(_Event, frozen=True, tag="conversation.item.input_audio_transcription.completed"):
    """`status` in_progress: there is more to come (openai-realtime W8). `usage` is read by bot.realtime.usage."""

    item_id: Id = ""
    transcript: str = ""
    status: str = ""
    usage: Any = None


class CallerTranscriptGrows(_Event, frozen=True, tag="conversation.item.input_audio_transcription.updated"):
    """`transcript` is all of it so far."""

    item_id: Id = ""
    transcript: str = ""


class CallerTranscriptDelta(_Event, frozen=True, tag="conversation.item.input_audio_transcription.delta"):
    """`delta` is more of it: while the caller speaks, or between the commit and the completed words."""

    item_id: Id = ""
    delta: str = ""


class CallerTranscriptFailed(_Event, frozen=True, tag="conversation.item.input_audio_transcription.failed"):
    item_id: Id = ""
    error: Problem = Problem()


class StatusDetails(_Part, frozen=True):
    type: str | None = None
    reason: str | None = None
    error: Problem | None = None


class Response(_Part, frozen=True):
    """`status`: in_progress, completed, cancelled, incomplete, failed (openai-realtime 6).

    `status_details` is a text on xAI's wire, which says nothing. `usage` is read by bot.realtime.usage.
    """

    id: Id
    status: str = ""
    status_details: StatusDetails | None = None
    usage: Any = None
    metadata: dict[str, str] | None = None


class ResponseCreated(_Event, frozen=True, tag="response.created"):
    response: Response


class ResponseDone(_Event, frozen=True, tag="response.done"):
    """`usage`: where xAI tells it (openai-realtime W8)."""

    response: Response
    usage: Any = None
    """Usage as xAI tells it, beside an empty one in the response (openai-realtime W8)."""


class OutputItemAdded(_Event, frozen=True, tag="response.output_item.added"):
    response_id: Id
    item: Item = Item()


class OutputItemDone(_Event, frozen=True, tag="response.output_item.done"):
    response_id: Id
    item: Item = Item()


class AudioDelta(_Event, frozen=True, tag="response.output_audio.delta"):
    """`delta` is base64 audio in the session's output format."""

    response_id: Id
    item_id: Id
    delta: str
    content_index: Index = 0


class AudioDone(_Event, frozen=True, tag="response.output_audio.done"):
    response_id: Id = ""
    item_id: Id = ""
    content_index: Index = 0


class TranscriptDelta(_Event, frozen=True, tag="response.output_audio_transcript.delta"):
    response_id: Id
    item_id: Id
    delta: str
    content_index: Index = 0


class TranscriptDone(_Event, frozen=True, tag="response.output_audio_transcript.done"):
    response_id: Id
    item_id: Id
    transcript: str
    content_index: Index = 0


class ToolsListed(_Event, frozen=True, tag="mcp_list_tools.completed"):
    """A remote server has told which tools it has; the item says which server."""

    item_id: Id = ""


class ToolsNotListed(_Event, frozen=True, tag="mcp_list_tools.failed"):
    item_id: Id = ""


class RateLimits(_Event, frozen=True, tag="rate_limits.updated"):
    pass


class Error(_Event, frozen=True, tag="error"):
    """Not fatal by itself: a fatal one is followed by a close in the same instant (openai-realtime 6)."""

    error: Problem = Problem()


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
    | CallerTranscriptGrows
    | CallerTranscriptDelta
    | CallerTranscriptFailed
    | ResponseCreated
    | ResponseDone
    | OutputItemAdded
    | OutputItemDone
    | AudioDelta
    | AudioDone
    | TranscriptDelta
    | TranscriptDone
    | ToolsListed
    | ToolsNotListed
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
_KINDS: dict[str, type[msgspec.Struct]] = {str(kind.__struct_config__.tag): kind for kind in _Used.__args__}


class _Tag(msgspec.Struct):
    type: str


def parse(text: str | bytes) -> ServerEvent:
    """One event from the server; an unknown type gives Unknown. Raises BadEvent: not_json, bad_shape, bad_base64."""
    try:
        event: ServerEvent = _server.decode(text)
    except msgspec.ValidationError:
        event = _unusual(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadEvent("not_json", "it is no JSON") from None
    if type(event) is AudioDelta:
        try:
            payload.check(event.delta)
        except ValueError:
            raise BadEvent("bad_base64", "response.output_audio.delta: delta is no base64") from None
    return event


def _unusual(text: str | bytes) -> ServerEvent:
    """An event that is none of those in their usual shape: unknown, or with a surprise where it may have one."""
    try:
        name = msgspec.json.decode(text, type=_Tag).type
        kind = _KINDS.get(name)
        if kind is None:
            return Unknown(name)
        return cast("ServerEvent", lenient.read(kind, text))
    except lenient.Missing as missing:
        raise BadEvent("bad_shape", f"{name}: {missing}") from None
    except msgspec.ValidationError:
        raise BadEvent("bad_shape", "it has no type") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadEvent("bad_shape", "it is no JSON") from None


def parse_command(text: str | bytes) -> ClientEvent:
    """One event of ours, as in a fixture. Raises BadEvent."""
    try:
        return _client.decode(text)
    except (ValueError, RecursionError) as error:
        raise BadEvent("bad_command", str(error)) from None
