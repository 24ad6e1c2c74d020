"""The mouth: sentences aloud, by Hibari's one built-in voice, in a thread of its own."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from hibari import Hibari

from bot.offline.later import Later
from bot.offline.sound_formats import Pcm, spoken
from bot.testing.agent import Speech, Spoken

RATE = 24_000
PAUSE_MS, BREATH_MS = 150, 60
"""Silence behind each sentence, and behind a piece of one."""
_FAINT = 0.01
"""Nothing louder than this, of 1, is silence: the voice makes half a second of it around every sentence."""
_BEFORE_MS, _BEHIND_MS = 30, 80
"""As much of it is kept: sounds begin and end softly."""
_KEPT = 64
"""Sentences kept as they were spoken last: the same ones come again in every call."""
_SEED = 0


def _pieces(sentence: str) -> list[str]:
    """A sentence up to its colon, which is often the same and then already there, and what is new in it."""
    return re.split(r"(?<=:) ", sentence, maxsplit=1)


def _spoken_of(samples: Any) -> Any:
    """`samples` without the silence around what is spoken."""
    loud = np.flatnonzero(np.abs(samples) > _FAINT)
    if not loud.size:
        return samples
    return samples[max(0, loud[0] - _BEFORE_MS * RATE // 1000) : loud[-1] + _BEHIND_MS * RATE // 1000]


class Mouth:
    """Loads its voice in the thread in which it then speaks: what is asked of it before that waits."""

    def __init__(self, warm: Sequence[str] = (), ahead: Sequence[str] = ()) -> None:
        """`warm`: sentences that will be asked for first. `ahead`: those that come often, made while it speaks."""
        self._thread = ThreadPoolExecutor(1, "mouth")
        self._said: OrderedDict[str, Pcm] = OrderedDict()
        self._ahead = list(ahead)
        self.loaded: Future[None] = self._thread.submit(self._load, warm)

    def say(self, sentences: Sequence[str], audio_format: str) -> Speech:
        """`sentences` as one item of a reply; each is made in pieces, once the piece before is being said."""
        pieces = [piece for text in sentences for piece in _pieces(text)]
        texts = [f" {text}" if number else text for number, text in enumerate(pieces)]
        return Speech([self._later(text, audio_format) for text in texts])

    def close(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self._thread.shutdown(cancel_futures=True)

    def _load(self, warm: Sequence[str]) -> None:
        self._voice: Any = Hibari()
        for text in warm or ("Hello.",):
            for piece in _pieces(text):
                self._pcm(piece)

    def _later(self, text: str, audio_format: str) -> Later[Spoken]:
        return Later(lambda: self._begin(text, audio_format))

    def _begin(self, text: str, audio_format: str) -> Future[Spoken]:
        begun = self._thread.submit(self._spoken, text, audio_format)
        if self._ahead:
            self._thread.submit(self._pcm, self._ahead.pop(0))
        return begun

    def _spoken(self, text: str, audio_format: str) -> Spoken:
        return Spoken(spoken(self._pcm(text.strip()), audio_format), text, audio_format=audio_format)

    def _pcm(self, text: str) -> Pcm:
        if text not in self._said:
            samples = np.clip(_spoken_of(self._voice(text, seed=_SEED)), -1, 1) * 32767
            pause = bytes((BREATH_MS if text.endswith(":") else PAUSE_MS) * RATE // 1000 * 2)
            self._said[text] = Pcm(samples.astype("<i2").tobytes() + pause, RATE)
            while len(self._said) > _KEPT:
                self._said.popitem(last=False)
        self._said.move_to_end(text)
        return self._said[text]
