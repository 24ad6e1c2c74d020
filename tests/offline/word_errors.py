"""Recorded speech of people, as a telephone line carries it, and how many of its words a recogniser gets wrong.

The recordings lie beside the project, in `shared/audio`; its README has the words of each.
"""

from __future__ import annotations

import re
import wave
from pathlib import Path
from typing import NamedTuple

from bot.audio import mulaw

RECORDED_SPEECH = Path(__file__).parents[3] / "shared" / "audio"
_ROW = re.compile(r"\| (\S+\.wav) \| [\d.]+ \| ([a-z ]+?)(?: \(by recogniser\))? \|")
_ALIKE = {"mr": "mister", "10": "ten"}


class Clip(NamedTuple):
    name: str
    words: str
    ulaw: bytes


def spoken_clips() -> list[Clip]:
    """Every recording whose words are known, in mu-law."""
    rows = _ROW.findall((RECORDED_SPEECH / "README.md").read_text())
    return [Clip(name, words, _mulaw(RECORDED_SPEECH / name)) for name, words in rows]


def errors(reference: str, found: str) -> int:
    """Words that must be put in, taken out or changed to make one of the other."""
    said, heard = _words(reference), _words(found)
    row = list(range(len(heard) + 1))
    for at, word in enumerate(said, start=1):
        before, row[0] = row[0], at
        for n, other in enumerate(heard, start=1):
            before, row[n] = row[n], min(row[n] + 1, row[n - 1] + 1, before + (word != other))
    return row[-1]


def _words(text: str) -> list[str]:
    return [_ALIKE.get(word, word) for word in re.findall(r"[a-z0-9']+", text.lower().replace("-", " "))]


def _mulaw(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        return mulaw.encode(file.readframes(file.getnframes()))
