"""The inside of a WAV file: which samples it holds, and where they are.

Lengths in the header are not believed: programs that write to a pipe leave 0 or the largest number there, and a file
may have been cut. Own code, since the `wave` module knows integers only (and WAVE_FORMAT_EXTENSIBLE not before Python
3.12), and the libraries that know more bring numpy or a compiled decoder for a hundred lines.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

Coding = Literal["integer", "float", "a-law", "mu-law"]

_CODINGS: dict[int, Coding] = {1: "integer", 3: "float", 6: "a-law", 7: "mu-law"}
_WIDTHS: dict[Coding, tuple[int, ...]] = {"integer": (1, 2, 3, 4), "float": (4, 8), "a-law": (1,), "mu-law": (1,)}
_EXTENSIBLE = 0xFFFE
_OTHER_CODINGS = {2: "MS ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM", 0x50: "MPEG", 0x55: "MP3", 0xFF: "AAC", 0x1610: "AAC"}
_MAGICS = {
    b"OggS": "an Ogg file",
    b"ID3": "an MP3 file",
    b"\xff\xfb": "an MP3 file",
    b"\xff\xf3": "an MP3 file",
    b"\xff\xf2": "an MP3 file",
    b"\xff\xf1": "an AAC file",
    b"fLaC": "a FLAC file",
    b"FORM": "an AIFF file",
    b".snd": "an AU file",
    b"caff": "a CAF file",
    b"RIFX": "a big-endian WAV file",
    b"riff": "a Wave64 file",
    b"\x1aE\xdf\xa3": "a WebM or Matroska file",
    b"#!AMR": "an AMR file",
}
_MP4_AT_4 = b"ftyp"
_UNTOLD_BYTES = 0x7FFF0000
"""A length from here on is what programs write that do not know it yet; no recording that is played is so long."""
_CONVERT = "convert it, say by `ffmpeg -i FILE -ar 8000 -ac 1 OTHER.wav`"
_AGAIN = "export or copy it again"
_HEAD = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_NAMES = frozenset({b"data", b"fmt ", b"fact", b"LIST", b"bext", b"cue ", b"id3 ", b"JUNK", b"smpl", b"PEAK"})
_MOST_CHANNELS = 32
_RATES = range(1_000, 1_000_001)
_SHORT_S = 0.25
"""Seconds that may be missing of what the header tells: some programs count the header itself."""


class BadWav(ValueError):
    """The file is no WAV that can be played on a phone line. One sentence without its stop: the file, why, the mend."""


class Sound(NamedTuple):
    """The samples of a WAV file as they are stored: whole frames, `width` bytes for each of `channels`."""

    coding: Coding
    rate: int
    channels: int
    width: int
    samples: bytes


def read_sound(path: Path | str, longest_s: float) -> Sound:
    """The samples of the WAV file. Raises BadWav, also for what is longer than `longest_s`, and OSError."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        return _Reader(path, file, size).sound(longest_s)


def _is_name(name: bytes) -> bool:
    """True for four bytes that may begin a chunk; samples seldom look so."""
    return name.isascii() and name.decode("ascii").isprintable()


class _Reader:
    def __init__(self, path: Path | str, file: BinaryIO, size: int) -> None:
        self._path = path
        self._file = file
        self._size = size
        self._long_bytes: int | None = None
        """The length of the samples by the chunk that RF64 has for it."""

    def sound(self, longest_s: float) -> Sound:
        self._check_magic()
        form: Sound | None = None
        for name, told, at in self._chunks():
            if name == b"ds64":
                self._long_bytes = self._unpacked("<QQ", at)[1]
            elif name == b"fmt ":
                form = self._form(told, at)
            elif name == b"data":
                if form is None:
                    raise self._bad("has its samples before their format", _CONVERT)
                if samples := self._samples(form, told, at, longest_s):  # a first chunk may be empty, and a second not
                    return form._replace(samples=samples)
        raise self._bad("has no sound in it" if form else "has neither a format nor samples in it", _AGAIN)

    def _check_magic(self) -> None:
        head = self._file.read(12)
        if not head:
            raise self._bad("is empty", _AGAIN)
        if head[:4] in {b"RIFF", b"RF64", b"BW64"} and (head[8:] == b"WAVE" or len(head) < 12):
            if len(head) < 12:
                raise self._bad("ends too early", _AGAIN)
            return
        found = next((told for magic, told in _MAGICS.items() if head.startswith(magic)), "no WAV file")
        if head[4:8] == _MP4_AT_4:
            found = "an MP4 file"
        raise self._bad(f"is {found}{', not a WAV file' * (found != 'no WAV file')}", _CONVERT)

    def _chunks(self) -> Iterator[tuple[bytes, int, int]]:
        """Name, told length and place of the contents of each."""
        at = 12
        while at + _HEAD.size <= self._size:
            name, told = self._unpacked(_HEAD.format, at)
            yield name, told, at + _HEAD.size
            at = self._next(at + _HEAD.size, told)

    def _next(self, at: int, told: int) -> int:
        """The place of the chunk after one whose contents are at `at`. Some programs leave the pad byte out."""
        end = at + told
        if told % 2 == 0 or end + _HEAD.size > self._size:
            return end + told % 2
        (ahead,) = self._unpacked("5s", end)
        padded = ahead[0] == 0 or ahead[1:] in _NAMES or not _is_name(ahead[:4])
        return end + padded

    def _form(self, told: int, at: int) -> Sound:
        if told < _FORMAT.size:
            raise self._bad("has a format that is cut short", _AGAIN)
        tag, channels, rate, _, frame, bits = self._unpacked(_FORMAT.format, at)
        if tag == _EXTENSIBLE and told >= 40:
            (tag,) = self._unpacked("<H", at + 24)
        coding = _CODINGS.get(tag)
        if coding is None:
            raise self._bad(
                f"holds {_OTHER_CODINGS.get(tag, f'samples of a kind that is not known ({tag:#x})')}", _CONVERT
            )
        if not 1 <= channels <= _MOST_CHANNELS:
            raise self._bad(f"says it has {channels} channels", _CONVERT)
        if rate not in _RATES:
            raise self._bad(f"says it has {rate} samples a second", _CONVERT)
        width = max(frame // channels, (bits + 7) // 8)  # 20 bits lie in 3 bytes, 24 sometimes in 4
        if width not in _WIDTHS[coding]:
            raise self._bad(f"says its samples ({coding}) have {bits} bits", _CONVERT)
        return Sound(coding, rate, channels, width, b"")

    def _samples(self, form: Sound, told: int, at: int, longest_s: float) -> bytes:
        there = self._size - at
        if told >= _UNTOLD_BYTES and self._long_bytes is not None:
            told = self._long_bytes
        elif told >= _UNTOLD_BYTES or self._goes_on(told, at):
            told = there
        frame = form.width * form.channels
        second = form.rate * frame
        if told - there > _SHORT_S * second:
            raise self._bad(f"has {there / second:.1f} of {told / second:.1f} seconds, so it was cut", _AGAIN)
        n_bytes = min(told, there)
        if n_bytes > longest_s * second:
            raise self._bad(f"is longer than {longest_s:g} seconds ({n_bytes / second:.1f})", "make it shorter")
        self._file.seek(at)
        return self._file.read(n_bytes - n_bytes % frame)

    def _goes_on(self, told: int, at: int) -> bool:
        """True for samples that are longer than told: the program ended before it brought the header up to date."""
        if told == 0:
            return not self._ends_in_chunks(at)
        if 2 * told >= self._size - at - _HEAD.size:
            return False
        return not _is_name(self._unpacked(_HEAD.format, self._next(at, told))[0])

    def _ends_in_chunks(self, at: int) -> bool:
        """True where the rest of the file is nothing but chunks: one of no length was meant."""
        while at + _HEAD.size <= self._size:
            name, told = self._unpacked(_HEAD.format, at)
            if not _is_name(name):
                return False
            if name == b"data":  # the one that has the samples
                return True
            at = self._next(at + _HEAD.size, told)
        return self._size <= at <= self._size + 1

    def _unpacked(self, form: str, at: int) -> tuple[Any, ...]:
        self._file.seek(at)
        need = struct.calcsize(form)
        data = self._file.read(need)
        if len(data) < need:
            raise self._bad("ends too early", _AGAIN)
        return struct.unpack(form, data)

    def _bad(self, why: str, mend: str) -> BadWav:
        return BadWav(f"{self._path} {why}; {mend}")
