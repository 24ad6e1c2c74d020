"""Payloads of a telephone line to and from the other formats of a Realtime session (openai-realtime 2.1).

`audio/pcma` is G.711 A-law at 8 kHz, `audio/pcm` 16-bit little-endian PCM at 24 kHz. `audio/pcmu` is the line's own and
needs nothing of this. Each object serves one direction of one session and keeps what a chunk border cut in two.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Literal, get_args

from bot.audio.operations import audioop
from bot.audio.resampling import WIDTH, Down, Up

Format = Literal["audio/pcmu", "audio/pcma", "audio/pcm"]
FORMATS: tuple[Format, ...] = get_args(Format)
LINE: Format = "audio/pcmu"

Convert = Callable[[str], str]
"""Payload in, payload out. Raises ValueError when what comes in is no base64."""


def from_line(to: Format) -> Convert | None:
    """Converter from the line's mu-law to a session's format; None when they are the same."""
    return {"audio/pcmu": None, "audio/pcma": _mulaw_to_alaw, "audio/pcm": _ToPcm()}[to]


def to_line(came: Format) -> Convert | None:
    """Converter from a session's format to the line's mu-law; None when they are the same."""
    return {"audio/pcmu": None, "audio/pcma": _alaw_to_mulaw, "audio/pcm": _FromPcm()}[came]


def _mulaw_to_alaw(payload: str) -> str:
    return _text(audioop.lin2alaw(audioop.ulaw2lin(b64decode(payload), WIDTH), WIDTH))


def _alaw_to_mulaw(payload: str) -> str:
    return _text(audioop.lin2ulaw(audioop.alaw2lin(b64decode(payload), WIDTH), WIDTH))


class _ToPcm:
    def __init__(self) -> None:
        self._up = Up()

    def __call__(self, payload: str) -> str:
        return _text(self._up(audioop.ulaw2lin(b64decode(payload), WIDTH)))


class _FromPcm:
    """Never more milliseconds than came, so that a truncation is never beyond what the session knows it has sent."""

    def __init__(self) -> None:
        self._down = Down()
        self._odd = b""

    def __call__(self, payload: str) -> str:
        came = self._odd + b64decode(payload)
        whole = len(came) // WIDTH * WIDTH
        self._odd = came[whole:]
        return _text(audioop.lin2ulaw(self._down(came[:whole]), WIDTH))


def _text(audio: bytes) -> str:
    return b64encode(audio).decode()
