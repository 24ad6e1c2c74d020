"""Recognition of English speech by Moonshine's smallest model, which is inside its wheel."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from moonshine_voice import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_model_path

from bot.offline.sound_formats import Pcm

LONGEST_S = 60
"""The last so many seconds of a turn are recognised: nobody waits for more."""
_OPTIONS = {"vad_threshold": "0"}
"""The turn was cut out already. A second cut at its first and last sounds makes words of half of them."""
_FAINT = 0.004
"""Nothing louder than this, of 1, is silence: the model makes a word of that, too."""


class Recogniser:
    """Not for two threads at once."""

    def __init__(self) -> None:
        self._model: Any = Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY, options=_OPTIONS)

    def words(self, pcm: Pcm) -> str:
        """The words in `pcm`; empty when there are none."""
        samples = np.frombuffer(pcm.samples, "<i2")[-LONGEST_S * pcm.rate :].astype(np.float32) / 32768
        if not samples.size or np.abs(samples).max() < _FAINT:
            return ""
        transcript = self._model.transcribe_without_streaming(samples.tolist(), pcm.rate)
        return re.sub(r"\s+", " ", " ".join(line.text for line in transcript.lines)).strip()
