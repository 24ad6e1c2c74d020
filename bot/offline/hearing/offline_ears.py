"""The ears of every session of one server: one recogniser in a thread of its own, a judge of speech for each."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog

from bot.offline.hearing import silero
from bot.offline.hearing.recogniser import Recogniser
from bot.offline.later import Later
from bot.offline.sound_formats import heard
from bot.testing.agent import Pending, SpeechJudge

_log = structlog.get_logger()


class OfflineEars:
    """Loads its models in the thread in which the recogniser then works. No session before `loaded` is done."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "ears")
        self.loaded: Future[None] = self._thread.submit(self._load)

    def judge(self, audio_format: str) -> SpeechJudge:
        return silero.SileroJudge(self._silero, audio_format)

    def recognise(self, audio: bytes, audio_format: str) -> Pending[str]:
        """The words of a turn, worked on from now on."""
        words = Later(lambda: self._thread.submit(self._words, audio, audio_format))
        words.poll()
        return words

    def close(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self._thread.shutdown(cancel_futures=True)

    def _load(self) -> None:
        self._silero: Any = silero.load()
        self._recogniser = Recogniser()

    def _words(self, audio: bytes, audio_format: str) -> str:
        """The words; none where the recogniser fails, since a caller can say it again."""
        try:
            return self._recogniser.words(heard(audio, audio_format))
        except Exception as error:  # noqa: BLE001  the library raises whatever its C code tells
            _log.warning("recognition_failed", why=type(error).__name__)
            return ""
