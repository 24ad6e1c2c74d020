"""The few spoken sentences that ship with the bot, for the line test. README.md beside them says how they were made."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

MANIFEST = "prompts.json"


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str
    voice: Literal["bot", "caller"]
    sha256: str


class Prompt(msgspec.Struct, frozen=True):
    """One recorded sentence: `audio` is headerless mu-law at 8000 Hz, `text` the words spoken in it.

    `sha256` seals the two together: it is taken over the text, a zero byte and the audio as they were rendered.
    """

    name: str
    text: str
    voice: Literal["bot", "caller"]
    audio: bytes
    sha256: str


@cache
def names() -> tuple[str, ...]:
    """Every prompt there is, in the manifest's order."""
    return tuple(_manifest())


@cache
def prompt(name: str) -> Prompt:
    """The prompt of that name, read once. Raises KeyError when there is none."""
    entry = _manifest().get(name)
    if entry is None:
        raise KeyError(f"no prompt {name!r}; there are {', '.join(names())}")
    audio = files(__name__).joinpath(f"{name}.ulaw").read_bytes()
    return Prompt(name, entry.text, entry.voice, audio, entry.sha256)


@cache
def _manifest() -> dict[str, _Entry]:
    return msgspec.json.decode(files(__name__).joinpath(MANIFEST).read_bytes(), type=dict[str, _Entry])
