"""A stored call as a vCon, the IETF's JSON container for conversations.

Follows draft-ietf-vcon-vcon-core-04 (7 September 2026), syntax 0.4.0 (section 4.1.1), in the unsigned form (section 4),
with parties (4.2), dialog (4.3), the transcript as analysis (4.5) and the call's figures as an attachment (4.4). Who
hands it to another organisation signs or encrypts it first (section 5).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from bot.call.facts import TurnFact
from bot.store.results import CallSummary, StoredCall
from bot.views.call_sound import CallSound, wav_of
from bot.views.stored.stored_audio import Audible

SYNTAX = "0.4.0"
VENDOR = "Heardline"
TRANSCRIPT_SCHEMA = "heardline-transcript-1"
SUMMARY_SCHEMA = "heardline-summary-1"
_CALLER, _BOT = 0, 1
_WAV = "audio/x-wav"  # the name of section 4.3.8


def vcon_of(call: StoredCall, heard: Audible, *, now: datetime, host: str, chance: int) -> bytes:
    """The vCon as JSON. `now` (aware), `host` and `chance` (12 random bits) make its name (section 4.1.2)."""
    dialog = _dialog(call, heard)
    whole: dict[str, Any] = {
        "vcon": SYNTAX,
        "uuid": str(uuid8(now, host, chance)),
        "created_at": _date(now),
        "parties": _parties(call.summary),
        "dialog": dialog,
        "analysis": [*([_transcript(call, dialog)] if call.turns else []), *_summary(call, dialog)],
        "attachments": [_record(call), *_fields(call)],
    }
    return msgspec.json.format(msgspec.json.encode({name: value for name, value in whole.items() if value}), indent=2)


def uuid8(now: datetime, host: str, chance: int) -> UUID:
    """A version 8 UUID: the milliseconds of version 7, 12 bits of chance, 62 bits of the SHA-1 of `host`."""
    digest = hashlib.sha1(host.encode(), usedforsecurity=False).digest()
    custom = int.from_bytes(digest[:8], "big") >> 2
    ms = int(now.timestamp() * 1000) & (1 << 48) - 1
    return UUID(int=ms << 80 | 8 << 76 | (chance & 0xFFF) << 64 | 0b10 << 62 | custom)


def _parties(call: CallSummary) -> list[dict[str, Any]]:
    """Section 4.2. A masked number is no tel URL (4.2.1), so it stands as the name; nobody's identity was checked."""
    return [
        {"type": "person", "name": call.person or "anonymous", "validation": "none"},
        {"type": "bot", "name": VENDOR, "validation": "none"},
    ]


# ---- dialog ----------------------------------------------------------------------------------------------------------


def _dialog(call: StoredCall, heard: Audible) -> list[dict[str, Any]]:
    """The recording; without one, each turn that has words as text; a call without either did not come about."""
    if heard.sound and heard.sound.caller:
        return [_recording(call.summary, heard.sound, heard.recording)]
    spoken = [_text(call.summary, turn) for turn in call.turns if turn.text]
    return spoken or [_incomplete(call.summary)]


def _recording(call: CallSummary, sound: CallSound, path: Path | None) -> dict[str, Any]:
    """Section 4.3. Two channels, so two parties in their order (4.3.4): the caller left, what they heard right."""
    audio = path.read_bytes() if path else wav_of(sound)
    return {
        "type": "recording",
        "start": _date(_moment(call, sound.start_us)),
        "duration": round(sound.seconds, 3),
        "parties": [_CALLER, _BOT],
        "mediatype": _WAV,
        "filename": path.name if path else f"{call.sid}.wav",
        "body": base64.urlsafe_b64encode(audio).decode().rstrip("="),
        "encoding": "base64url",
        "application": "telephone",
    }


def _text(call: CallSummary, turn: TurnFact) -> dict[str, Any]:
    """Words alone, as they were heard; the originator is the first party (4.3.4)."""
    speaker, other = (_CALLER, _BOT) if turn.who == "caller" else (_BOT, _CALLER)
    found = {
        "type": "text",
        "start": _date(_moment(call, turn.began_us or 0)),
        "parties": [speaker, other],
        "mediatype": "text/plain",
        "body": turn.text,
        "encoding": "none",
        "application": "telephone",
    }
    duration = _duration(turn)
    return found if duration is None else {**found, "duration": duration}


def _incomplete(call: CallSummary) -> dict[str, Any]:
    """Section 4.3.11: why there was no conversation."""
    why = "hung-up" if call.reason == "caller_hung_up" else "failed"
    return {"type": "incomplete", "start": _date(call.started_at), "parties": [_CALLER, _BOT], "disposition": why}


# ---- transcript and figures ------------------------------------------------------------------------------------------


def _transcript(call: StoredCall, dialog: Sequence[object]) -> dict[str, Any]:
    """Section 4.5. Who said what when, where the caller stopped hearing it (an estimate), and the rest of it."""
    return {
        "type": "transcript",
        "dialog": list(range(len(dialog))),
        "mediatype": "application/json",
        "vendor": VENDOR,
        "schema": TRANSCRIPT_SCHEMA,
        "body": [_spoken(call.summary, turn) for turn in call.turns],
        "encoding": "json",
    }


def _summary(call: StoredCall, dialog: Sequence[object]) -> list[dict[str, Any]]:
    """Section 4.5: a model's words on the call."""
    if call.result is None or not call.result.summary:
        return []
    return [
        {
            "type": "summary",
            "dialog": list(range(len(dialog))),
            "mediatype": "text/plain",
            "vendor": VENDOR,
            "schema": SUMMARY_SCHEMA,
            "body": call.result.summary,
            "encoding": "none",
        }
    ]


def _fields(call: StoredCall) -> list[dict[str, Any]]:
    """Section 4.4: what the operator wanted to be known of the call."""
    if call.result is None:
        return []
    return [
        {
            "purpose": "call result",
            "start": _date(call.result.at),
            "party": _BOT,
            "dialog": 0,
            "mediatype": "application/json",
            "body": {"disposition": call.result.disposition, "fields": call.result.fields},
            "encoding": "json",
        }
    ]


def _spoken(call: CallSummary, turn: TurnFact) -> dict[str, Any]:
    return {
        "party": _CALLER if turn.who == "caller" else _BOT,
        "start": None if turn.began_us is None else _date(_moment(call, turn.began_us)),
        "duration": _duration(turn),
        "text": turn.text,
        "cut": turn.cut,
        "unheard": turn.unheard,
    }


def _record(call: StoredCall) -> dict[str, Any]:
    """Section 4.4: the call's figures, contributed by the bot."""
    summary = msgspec.to_builtins(call.summary)
    left_out = {"caller", "caller_hash", "owner"}
    return {
        "purpose": "call record",
        "start": _date(call.summary.started_at),
        "party": _BOT,
        "dialog": 0,
        "mediatype": "application/json",
        "body": {name: value for name, value in summary.items() if name not in left_out},
        "encoding": "json",
    }


def _duration(turn: TurnFact) -> float | None:
    if turn.began_us is None or turn.ended_us is None:
        return None
    return max(0, turn.ended_us - turn.began_us) / 1_000_000


def _moment(call: CallSummary, us: int) -> datetime:
    return call.started_at + timedelta(microseconds=us)


def _date(at: datetime) -> str:
    """RFC 3339, in UTC (section 2.2)."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
