"""The recordings that a caller hears from us: the operator's, which are judged, and those shipped with the bot."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bot.audio import fillers, mulaw, wav
from bot.config import Settings

FILLER_S = 5
"""The longest filler: what is said meanwhile waits behind it."""
SPOKEN_S = 300
"""The longest greeting or announcement: five minutes in which no caller gets an answer are a slip."""
SHORTEST_S = 0.1
FAINTEST = 64
"""The loudest sample, up to 32768, of what would pass for silence: -54 dB."""


def _recordings(settings: Settings) -> dict[str, tuple[Path | None, Callable[[Path], str]]]:
    """The operator's recordings that are played, by setting: each file, and how it is read."""
    return {
        "BOT_GREETING_AUDIO": (settings.greeting_audio if settings.greeting else None, spoken),
        "BOT_ANNOUNCEMENT_AUDIO": (settings.announcement_audio, spoken),
        "BOT_FILLER_FILE": (settings.filler_file, filler),
    }


def recording(name: str, settings: Settings) -> str:
    path, read = _recordings(settings)[name]
    return read(path) if path else ""


def unplayable(settings: Settings) -> list[str]:
    """A sentence for each of the operator's recordings that can't be played."""
    found = []
    for name, (path, read) in _recordings(settings).items():
        try:
            if path:
                read(path)
        except wav.BadWav as error:
            found.append(f"{name}: {error}.")
        except OSError as error:
            found.append(f"{name}: {path} can't be read ({error.strerror}); let this user read it, or mend the path.")
    return found


@cache
def spoken(path: Path) -> str:
    """Words of the operator's as a payload, read once. Raises BadWav, also when nobody could hear any, and OSError."""
    audio = wav.read(path, SPOKEN_S)
    if len(audio) < SHORTEST_S * mulaw.RATE:
        raise wav.BadWav(f"{path} is over at once; export or copy it again")
    if mulaw.peak(mulaw.decode(audio)) < FAINTEST:
        raise wav.BadWav(f"{path} is silent from its beginning to its end; record it again")
    return base64.b64encode(audio).decode()


@cache
def filler(path: Path) -> str:
    """A filler of the operator's as a payload. Raises BadWav, also for one that an answer must not wait for."""
    return base64.b64encode(wav.read(path, FILLER_S)).decode()


@cache
def shipped(language: str, name: fillers.Name) -> str:
    """A recording of ours as a payload."""
    return base64.b64encode(fillers.filler(language, name).audio).decode()
