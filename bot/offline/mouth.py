"""The mouth: sentences aloud, by Hibari's one built-in voice, in a thread of its own."""

from __future__ import annotations

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
PAUSE_MS = 150
"""Silence behind each sentence."""
_KEPT = 64
"""Sentences kept as they were spoken last: the same ones come again in every call."""
_SEED = 0


class Mouth:
    """Loads its voice in the thread in which it then speaks: what is asked of it before that waits."""

    def __init__(self, warm: Sequence[str] = ()) -> None:
        """`warm`: sentences that will be asked for first."""
        self._thread = ThreadPoolExecutor(1, "mouth")
        self._said: OrderedDict[str, Pcm] = OrderedDict()
        self.loaded: Future[None] = self._thread.submit(self._load, warm)

    def say(self, sentences: Sequence[str], audio_format: str) -> Speech:
        """`sentences` as one item of a reply; each is made once the one before it is being said."""
        texts = [f" {text}" if number else text for number, text in enumerate(sentences)]
        return Speech([self._later(text, audio_format) for text in texts])

    def close(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self._thread.shutdown(cancel_futures=True)

    def _load(self, warm: Sequence[str]) -> None:
        self._voice: Any = Hibari()
        for text in warm or ("Hello.",):
            self._pcm(text)

    def _later(self, text: str, audio_format: str) -> Later[Spoken]:
        return Later(lambda: self._thread.submit(self._spoken, text, audio_format))

    def _spoken(self, text: str, audio_format: str) -> Spoken:
        return Spoken(spoken(self._pcm(text.strip()), audio_format), text, audio_format=audio_format)

    def _pcm(self, text: str) -> Pcm:
        if text not in self._said:
            samples = np.clip(self._voice(text, seed=_SEED), -1, 1) * 32767
            pause = bytes(PAUSE_MS * RATE // 1000 * 2)
            self._said[text] = Pcm(samples.astype("<i2").tobytes() + pause, RATE)
            while len(self._said) > _KEPT:
                self._said.popitem(last=False)
        self._said.move_to_end(text)
        return self._said[text]
