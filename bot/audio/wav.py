"""WAV files: any into the mu-law of a phone line, and a call's two sides out as stereo."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from bot.audio import mulaw
from bot.audio.payload import SILENCE_BYTE


class BadWav(ValueError):
    """The file is no WAV that can be played on a phone line; the text is one sentence that names the file."""


def read(path: Path | str) -> bytes:
    """The file as mono 8 kHz mu-law, whatever its rate, channels and sample width. Raises BadWav or OSError."""
    try:
        with wave.open(str(path), "rb") as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            samples = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise BadWav(f"{path} is not a PCM WAV file ({str(error) or 'it ends too early'})") from None
    if rate < 1:
        raise BadWav(f"{path} says it has {rate} samples per second")
    whole = len(samples) - len(samples) % (width * channels)
    pcm = mulaw.to_pcm(samples[:whole], width=width, channels=channels)
    return mulaw.encode(mulaw.resample(pcm, rate))


HEADER_BYTES = 44
"""Before the samples of a PCM file as `wave` writes it."""
_PAIR = 2 * mulaw.WIDTH


class StereoWriter:
    """A stereo WAV, 8 kHz 16-bit, written as the call goes: the caller left, what the caller heard right.

    Into the file at `path`, or into an open one that can be read back; that stays open.
    """

    def __init__(self, to: Path | str | BinaryIO) -> None:
        self._opened = Path(to).open("w+b") if isinstance(to, Path | str) else None  # noqa: SIM115  closed by close()
        self._stream = self._opened or cast("BinaryIO", to)
        self._file = wave.open(self._stream, "wb")  # noqa: SIM115  closed by close()
        self._file.setnchannels(2)
        self._file.setsampwidth(mulaw.WIDTH)
        self._file.setframerate(mulaw.RATE)

    def write(self, caller: bytes, heard: bytes) -> None:
        """The next stretch of both sides as mu-law; the shorter one is followed by silence."""
        size = max(len(caller), len(heard))
        left, right = (mulaw.decode(side + bytes([SILENCE_BYTE]) * (size - len(side))) for side in (caller, heard))
        self._file.writeframesraw(mulaw.interleave(left, right))

    def overwrite_caller(self, at: int, caller: bytes) -> None:
        """Put late mu-law of the caller, `at` samples from the start, in place of what was written there."""
        offset = HEADER_BYTES + at * _PAIR
        self._stream.seek(offset)
        _, heard = mulaw.separate(self._stream.read(len(caller) * _PAIR))
        self._stream.seek(offset)
        self._stream.write(mulaw.interleave(mulaw.decode(caller), heard))
        self._stream.seek(0, io.SEEK_END)

    def sync(self) -> None:
        """Bring the lengths in the header up to date and hand all to the operating system: it plays from here on."""
        self._file.writeframes(b"")
        self._stream.flush()

    def close(self) -> None:
        """Fill in the lengths of the header and close. Safe to call twice."""
        try:
            self._file.close()
        finally:
            if self._opened is not None:
                self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
