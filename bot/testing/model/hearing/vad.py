"""Voice activity, window by window: a detector with the server's interface (openai-realtime 2.2).

A judge says which windows are speech: by loudness, unless the session has ears.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bot.testing.agent import SpeechJudge
from bot.testing.model.protocol.codec import BYTES_PER_MS, loudness

WINDOW_MS = 20
_LOUD_AT_FULL_THRESHOLD = 1600
"""Mean amplitude (of 32,767) that `threshold` 1 asks for; the default 0.5 asks for 800, about -32 dB."""
_EAGERNESS_SILENCE_MS = {"high": 400, "medium": 800, "auto": 800, "low": 1600}
"""Silence that ends a turn under semantic_vad here: well inside the documented longest waits of 2, 4 and 8 s."""


class Edge(NamedTuple):
    """Speech began (`started`) or ended at `at_ms` of the audio written; a start lies before the prefix padding."""

    started: bool
    at_ms: int


def silence_ms(turns: dict[str, Any]) -> int:
    """Milliseconds of silence that end a turn under `turns`, a turn_detection object."""
    if turns["type"] == "semantic_vad":
        return _EAGERNESS_SILENCE_MS[turns["eagerness"]]
    return int(turns["silence_duration_ms"])


def prefix_ms(turns: dict[str, Any]) -> int:
    return int(turns.get("prefix_padding_ms", 300))


class LoudnessJudge:
    """Takes for speech what is loud."""

    window_ms = WINDOW_MS
    onset_ms = 60

    def __init__(self, audio_format: str) -> None:
        self._format = audio_format

    def hears(self, window: bytes, threshold: float, *, speaking: bool) -> bool:  # noqa: ARG002
        return loudness(window, self._format) >= max(1.0, _LOUD_AT_FULL_THRESHOLD * threshold)


class Vad:
    """Fed audio in order from `at_ms` of the session's input on; answers with the edges it found."""

    def __init__(self, turns: dict[str, Any], audio_format: str, at_ms: int, judge: SpeechJudge) -> None:
        self._judge = judge
        self._window_ms = judge.window_ms
        self._window_bytes = self._window_ms * BYTES_PER_MS[audio_format]
        self._onset_windows = -(-judge.onset_ms // self._window_ms)
        self._rest = b""
        self._at_ms = at_ms
        self.spoken_until_ms = at_ms
        """The end of the last window with speech in it."""
        self._loud = 0
        self._quiet = 0
        self.speaking = False
        self.use(turns)

    @property
    def late_ms(self) -> int:
        """Audio that may have come since speech began, when it is noticed."""
        return (self._onset_windows + 2) * self._window_ms

    @property
    def pause_ms(self) -> int:
        """Silence so far within speech that may go on."""
        return self._at_ms - self.spoken_until_ms if self.speaking else 0

    def use(self, turns: dict[str, Any]) -> None:
        """Take new settings in the middle of things."""
        self._threshold = float(turns.get("threshold", 0.5))
        self._silence_windows = max(1, -(-silence_ms(turns) // self._window_ms))

    def hear(self, audio: bytes) -> list[Edge]:
        data = self._rest + audio if self._rest else audio
        whole = len(data) - len(data) % self._window_bytes
        self._rest = data[whole:]
        edges = []
        for at in range(0, whole, self._window_bytes):
            edge = self._window(data[at : at + self._window_bytes])
            if edge is not None:
                edges.append(edge)
        return edges

    def end_turn(self) -> None:
        """The turn was committed from outside: whatever comes next is a new one."""
        self.speaking = False
        self._loud = self._quiet = 0

    def _window(self, window: bytes) -> Edge | None:
        self._at_ms += self._window_ms
        if self._judge.hears(window, self._threshold, speaking=self.speaking):
            self._loud, self._quiet = self._loud + 1, 0
            self.spoken_until_ms = self._at_ms
        else:
            self._loud, self._quiet = 0, self._quiet + 1
        if not self.speaking and self._loud >= self._onset_windows:
            self.speaking = True
            return Edge(started=True, at_ms=self._at_ms - self._onset_windows * self._window_ms)
        if self.speaking and self._quiet >= self._silence_windows:
            self.speaking = False
            return Edge(started=False, at_ms=self._at_ms)
        return None
