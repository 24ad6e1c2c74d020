"""A recorded call as JSON Lines: a header, then all the call was fed and answered, in that order (how-it-works).

`.call.jsonl`, or the same under gzip, which is told by its first bytes and not by its name.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from bot.call.settings import CallSettings

VERSION = 2
TOLD_SINCE = 2
"""The first version that holds what a call tells its shell: reports, facts, orders and its end."""
READS = (1, 2)
SUFFIX = ".call.jsonl"

Way = Literal["phone>bot", "bot>phone", "model>bot", "bot>model", "note", "told"]
InputWay = Literal["phone>bot", "model>bot", "note"]
INPUTS: frozenset[str] = frozenset({"phone>bot", "model>bot", "note"})

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31


class BadFixture(ValueError):
    """The file is no fixture; the text is one sentence that names file and line."""


class Header(msgspec.Struct, frozen=True):
    """The first line. `date` is ISO 8601 in UTC; `masked` says that secrets and numbers were replaced on the way in."""

    heardline_fixture: int
    date: str
    settings: CallSettings
    masked: bool = True


class FixtureLine(msgspec.Struct, frozen=True, gc=False):
    """One message: `us` since the call's origin; `socket` numbers the streams and the sessions of one call."""

    us: Annotated[int, msgspec.Meta(ge=0)]
    way: Way
    message: msgspec.Raw
    socket: Annotated[int, msgspec.Meta(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class Fixture:
    """`truncated`: the file ends in the middle of a line, as after a crash; what stands before it is all here."""

    path: str
    header: Header
    lines: tuple[FixtureLine, ...]
    truncated: bool = False

    def where(self, index: int) -> str:
        """File and line, counted from 1, of `lines[index]`, for messages to people."""
        return f"{self.path}, line {index + 2}"


class _Version(msgspec.Struct):
    heardline_fixture: int


_header = msgspec.json.Decoder(Header)
_line = msgspec.json.Decoder(FixtureLine)
_version = msgspec.json.Decoder(_Version)


def encode_header(header: Header) -> bytes:
    """The first line of the file, its line feed included."""
    return msgspec.json.encode(header) + b"\n"


def encode_line(line: FixtureLine) -> bytes:
    """One line of the file, its line feed included."""
    return msgspec.json.encode(line) + b"\n"


def write_fixture(path: Path | str, header: Header, lines: Iterable[FixtureLine]) -> None:
    """A whole fixture at once, replacing `path`; calls in progress are written by the recorder."""
    with Path(path).open("wb") as file:
        file.write(encode_header(header))
        file.writelines(map(encode_line, lines))


def read_fixture(path: Path | str) -> Fixture:
    """The fixture at `path`. Raises BadFixture, and OSError when the file can't be read."""
    return parse_fixture(Path(path).read_bytes(), str(path))


def parse_fixture(data: bytes, name: str) -> Fixture:
    """The fixture in `data`, gzip or not; `name` stands for the file in errors. Raises BadFixture."""
    cut_gzip = False
    if data.startswith(_GZIP):
        data, cut_gzip = _unzip(data, name)
    first, *rows = data.split(b"\n")
    header = _read_header(first, name)
    cut_row = bool(rows) and bool(rows[-1]) and not _is_line(rows[-1])
    if not rows or not rows[-1] or cut_row:
        rows = rows[:-1]
    lines = tuple(_read_line(row, name, number) for number, row in enumerate(rows, start=2))
    return Fixture(name, header, lines, truncated=cut_gzip or cut_row)


def _unzip(data: bytes, name: str) -> tuple[bytes, bool]:
    """The bytes under the gzip, and True when they stop before their end."""
    unzip = zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        return unzip.decompress(data), not unzip.eof
    except zlib.error as error:
        raise BadFixture(f"{name} starts like a gzip file but is not one ({error})") from None


def _read_header(row: bytes, name: str) -> Header:
    try:
        version = _version.decode(row).heardline_fixture
    except (ValueError, RecursionError):
        raise BadFixture(f"{name}, line 1: not a fixture, which starts with a heardline_fixture header") from None
    if version not in READS:
        raise BadFixture(f"{name}, line 1: fixture version {version}, this program reads versions 1 to {VERSION}")
    try:
        return _header.decode(row)
    except (ValueError, RecursionError) as error:
        raise BadFixture(f"{name}, line 1: the header has a wrong field ({error})") from None


def _read_line(row: bytes, name: str, number: int) -> FixtureLine:
    try:
        return _line.decode(row)
    except (ValueError, RecursionError) as error:
        raise BadFixture(f"{name}, line {number}: not a line of a fixture ({error})") from None


def _is_line(row: bytes) -> bool:
    try:
        _line.decode(row)
    except (ValueError, RecursionError):
        return False
    return True
