"""The recorded fillers and apologies, by language. README.md beside this says how they were made."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

MANIFEST = "fillers.json"
TONE = "tone"
"""Two notes, where there are no words in a language."""

Name = Literal["moment", "apology"]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str
    sha256: str


class _Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    voice: str
    lines: dict[Name, _Line]


class Filler(msgspec.Struct, frozen=True):
    """One recording: `audio` is headerless mu-law at 8000 Hz, `text` the words spoken in it, none in a tone.

    `sha256` seals the two together: it is taken over the text, a zero byte and the audio as they were rendered.
    """

    language: str
    name: Name
    text: str
    audio: bytes
    sha256: str


@cache
def languages() -> tuple[str, ...]:
    """Every language there is (ISO 639-1), in the manifest's order, and TONE."""
    return tuple(_manifest())


@cache
def filler(language: str, name: Name) -> Filler:
    """The recording in `language`, read once; empty is English, and one that there is none of the tone."""
    spoken = language or "en"
    if spoken not in _manifest():
        spoken = TONE
    line = _manifest()[spoken].lines[name]
    audio = files(__name__).joinpath(spoken, f"{name}.ulaw").read_bytes()
    return Filler(spoken, name, line.text, audio, line.sha256)


@cache
def _manifest() -> dict[str, _Language]:
    return msgspec.json.decode(files(__name__).joinpath(MANIFEST).read_bytes(), type=dict[str, _Language])
