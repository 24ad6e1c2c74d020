"""Schema of draft-ietf-vcon-vcon-core-04 for the parts we write, by section; fields it does not know are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

Index = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Date = Annotated[datetime, msgspec.Meta(tz=True)]
Encoding = Literal["base64url", "json", "none"]  # 2.3.2


class Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Party(Strict):  # 4.2; `validation` goes with `name` (4.2.7)
    name: str
    validation: str
    type: Literal["person", "bot", "organization"]


class Recording(Strict, tag_field="type", tag="recording"):  # 4.3
    start: Date
    parties: list[Index]
    body: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]+$")]  # base64url has no padding (JWS, section 2)
    encoding: Literal["base64url"]
    mediatype: Literal["audio/x-wav"]  # 4.3.8
    duration: Seconds
    filename: str
    application: str


class Text(Strict, tag_field="type", tag="text"):  # 4.3
    start: Date
    parties: list[Index]
    body: str
    encoding: Literal["none"]
    mediatype: Literal["text/plain"]
    application: str
    duration: Seconds | msgspec.UnsetType = msgspec.UNSET


class Incomplete(Strict, tag_field="type", tag="incomplete"):  # 4.3.1: no content, but a disposition (4.3.11)
    start: Date
    parties: list[Index]
    disposition: Literal["no-answer", "congestion", "failed", "busy", "hung-up", "voicemail-no-message"]


class Analysis(Strict):  # 4.5
    type: Literal["report", "sentiment", "summary", "transcript", "translation", "tts"]
    dialog: list[Index]
    mediatype: str
    vendor: str
    schema: str
    body: Any
    encoding: Encoding


class Attachment(Strict):  # 4.4
    purpose: str
    start: Date
    party: Index
    dialog: Index
    mediatype: str
    body: Any
    encoding: Encoding


class Vcon(Strict):  # 4.1
    vcon: Literal["0.4.0"]
    uuid: UUID
    created_at: Date
    parties: list[Party]
    dialog: Annotated[list[Recording | Text | Incomplete], msgspec.Meta(min_length=1)]
    attachments: list[Attachment]
    analysis: list[Analysis] = []


def checked(data: bytes) -> Vcon:
    """The vCon in `data`, with every index of it pointing at something."""
    found = msgspec.json.decode(data, type=Vcon)
    for dialog in found.dialog:
        assert all(party < len(found.parties) for party in dialog.parties)
    for analysis in found.analysis:
        assert all(dialog < len(found.dialog) for dialog in analysis.dialog)
    for attachment in found.attachments:
        assert attachment.party < len(found.parties)
        assert attachment.dialog < len(found.dialog)
    return found
