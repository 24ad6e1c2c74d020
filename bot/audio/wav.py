"""WAV files: any into the mu-law of a phone line, and a call's two sides out as stereo."""

from __future__ import annotations

import os
import struct
import wave
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from bot.audio import mulaw
from bot.audio.payload import SILENCE_BYTE
from bot.audio.riff import BadWav, Sound, read_sound

LONGEST_S = 3600.0
"""The longest recording that is read whole into memory."""


def read(path: Path | str, longest_s: float = LONGEST_S) -> bytes:
    """The file as mono 8 kHz mu-law, whatever its coding, rate and channels.

    Raises BadWav, also for one without a sample or longer than `longest_s`, and OSError.
    """
    sound = read_sound(path, longest_s)
    if sound.coding == "mu-law" and (sound.rate, sound.channels) == (mulaw.RATE, 1):
        return sound.samples
    return mulaw.encode(mulaw.resample(_pcm(sound), sound.rate))


def _pcm(sound: Sound) -> bytes:
    """Mono, 16 bits."""
    samples, width = sound.samples, mulaw.WIDTH
    if sound.coding == "float":
        samples = mulaw.from_float(samples, sound.width)
    elif sound.coding == "a-law":
        samples = mulaw.decode_a(samples)
    elif sound.coding == "mu-law":
        samples = mulaw.decode(samples)
    else:
        width = sound.width
    return mulaw.to_pcm(samples, width=width, channels=sound.channels)


__all__ = ["HEADER_BYTES", "LONGEST_S", "BadWav", "StereoWriter", "read"]

HEADER_BYTES = 44
"""Bytes before the samples of a PCM file."""
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PAIR = 2 * mulaw.WIDTH
_MOST_BYTES = 2**32 - HEADER_BYTES
"""Longest audio that a header's 32 bits can tell: 37 hours. What comes after is in the file, but no player shows it."""


class StereoWriter:
    """A stereo WAV, 8 kHz 16-bit, written as the call goes: the caller left, what the caller heard right.

    Into the file at `path`, or into an open one whose descriptor can be read too; that stays open. The `wave` module
    moves about in the file for each change of its header: here a stretch of a call is two writes, audio and header.
    """

    def __init__(self, to: Path | str | BinaryIO) -> None:
        self._opened = Path(to).open("w+b", buffering=0) if isinstance(to, Path | str) else None  # noqa: SIM115  closed by close()
        self._stream = self._opened or cast("BinaryIO", to)
        self._bytes = 0
        self._told_bytes = -1
        self.sync()

    def write(self, caller: bytes, heard: bytes) -> None:
        """The next stretch of both sides as mu-law; the shorter one is followed by silence."""
        size = max(len(caller), len(heard))
        left, right = (mulaw.decode(side + bytes([SILENCE_BYTE]) * (size - len(side))) for side in (caller, heard))
        self._put(mulaw.interleave(left, right), HEADER_BYTES + self._bytes)
        self._bytes += size * _PAIR

    def overwrite_caller(self, at: int, caller: bytes) -> None:
        """Put late mu-law of the caller, `at` samples from the start, in place of what was written there."""
        offset = HEADER_BYTES + at * _PAIR
        _, heard = mulaw.separate(os.pread(self._stream.fileno(), len(caller) * _PAIR, offset))
        self._put(mulaw.interleave(mulaw.decode(caller), heard), offset)

    def sync(self) -> None:
        """Bring the lengths in the header up to date: it plays from here on."""
        if self._bytes != self._told_bytes:
            self._put(_header(min(self._bytes, _MOST_BYTES)), 0)
            self._told_bytes = self._bytes

    def _put(self, data: bytes, at: int) -> None:
        """All of it, straight to the operating system. A disk that is getting full takes a part before it refuses."""
        rest = memoryview(data)
        while rest:
            n_bytes = os.pwrite(self._stream.fileno(), rest, at)
            rest, at = rest[n_bytes:], at + n_bytes

    def close(self) -> None:
        """Fill in the lengths of the header and close. Safe to call twice."""
        if self._opened is not None and self._opened.closed:
            return
        try:
            self.sync()
        finally:
            if self._opened is not None:
                self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _header(n_bytes: int) -> bytes:
    """The header for `n_bytes` of samples: 16-bit PCM, two channels."""
    rate = mulaw.RATE
    form = (
        b"RIFF",
        n_bytes + HEADER_BYTES - 8,
        b"WAVE",
        b"fmt ",
        16,
        wave.WAVE_FORMAT_PCM,
        2,
        rate,
        rate * _PAIR,
        _PAIR,
    )
    return _HEADER.pack(*form, 8 * mulaw.WIDTH, b"data", n_bytes)
