"""A call's fixture, written as the call goes: every message masked, in feed order.

While an announcement has yet to be heard the caller's audio is kept as silence of the same length, both as it came and
as it was passed on: nobody is recorded before they were told, and the call still replays to the same bytes. That lasts
until the session is ready too, since what was kept for the session is passed on then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from bot.audio.payload import payload_bytes, silence
from bot.call.inputs import Refused
from bot.call.settings import CallSettings
from bot.realtime.events import AppendAudio
from bot.recording.files.call_file import CallerFrame, Raw, Row, Standing
from bot.recording.files.new_file import FileKind, new_file
from bot.recording.files.plain_audio import plain_audio
from bot.recording.fixture import SUFFIX, VERSION, FixtureLine, Header, Way, encode_header, encode_line
from bot.recording.fixture_masking import Masker
from bot.recording.told_outputs import TOLD, told_as
from bot.twilio import stream


class FixtureFile:
    """A CallFile. `masks`: secrets and names to hide."""

    kind: FileKind = "fixture"

    def __init__(
        self, settings: CallSettings, path: Path, masks: Iterable[str] = (), *, date: datetime | None = None
    ) -> None:
        self.path = path
        self._masker = Masker(masks)
        self._settings = settings
        self._date = (date or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        self._hushed = bool(settings.announcement_audio)
        self._file: BinaryIO | None = None

    @property
    def made(self) -> bool:
        return self._file is not None

    def write(self, rows: Sequence[Row]) -> None:
        self._opened().write(b"".join(map(self._encode, rows)))

    def flush(self, *, over: bool) -> None:  # noqa: ARG002  of the protocol
        self._opened().flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self.path, self._file = new_file(self.path, SUFFIX)
            self._file.write(encode_header(Header(VERSION, self._date, self._masker.settings(self._settings))))
        return self._file

    def _encode(self, row: Row) -> bytes:
        """The line of the file. Audio, which is nearly all of it, holds nothing to mask and goes in as it came."""
        us, way, raw, socket = row
        if type(raw) is CallerFrame:
            return self._frame(us, raw, socket)
        if type(raw) is Standing:
            self._hushed = self._hushed and not raw.hears_all
            return b""
        assert way != "standing"
        return self._message(us, way, cast("Raw", raw), socket)

    def _frame(self, us: int, frame: CallerFrame, socket: int) -> bytes:
        """Its lines."""
        if frame.lines:
            return frame.lines
        passed = (self._message(us, "bot>model", cast("Raw", output), socket) for output in frame.passed)
        return b"".join((self._message(us, "phone>bot", frame.text, frame.stream), *passed))

    def _message(self, us: int, way: Way, raw: Raw, socket: int) -> bytes:
        if self._hushed:
            raw = hushed(way, raw)
        audio = plain_audio(raw)
        if audio is not None:
            return b'{"us":%d,"way":"%s","message":%s,"socket":%d}\n' % (us, way.encode(), audio, socket)
        return encode_line(self._line(us, way, socket, raw))

    def _line(self, us: int, way: Way, socket: int, raw: Raw) -> FixtureLine:
        try:
            text = msgspec.json.encode(self._masker.message(_plain(raw)))
        except (ValueError, RecursionError):
            # Nested too deep to be walked: what can't be masked is not kept, but its place in the order is.
            refused = Refused("phone>bot" if way == "phone>bot" else "model>bot", "unrecordable")
            return FixtureLine(us, "note", msgspec.Raw(msgspec.json.encode(refused)), socket)
        return FixtureLine(us, way, msgspec.Raw(text), socket)


def _plain(raw: Raw) -> Any:
    if isinstance(raw, str | bytes):
        return msgspec.json.decode(raw)
    return told_as(raw) if isinstance(raw, TOLD) else msgspec.to_builtins(raw)


def hushed(way: Way, raw: Raw) -> Raw:
    """`raw` with the caller's audio, if it is that, replaced by silence of the same length."""
    if isinstance(raw, AppendAudio):
        return AppendAudio(silence(payload_bytes(raw.audio)))
    if way != "phone>bot" or not isinstance(raw, str | bytes):
        return raw
    parsed = stream.parse(raw)
    if not isinstance(parsed, stream.Media):
        return raw
    message: Any = msgspec.json.decode(raw)
    message["media"]["payload"] = silence(payload_bytes(parsed.media.payload))
    return msgspec.json.encode(message)
