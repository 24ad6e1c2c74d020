"""Voice activity by energy over 20 ms windows: a detector with the server's interface (openai-realtime 2.2)."""

from __future__ import annotations

from typing import Any, NamedTuple

from bot.testing.model.protocol.codec import BYTES_PER_MS, loudness

WINDOW_MS = 20
ONSET_WINDOWS = 3
"""Speech is believed after this many loud windows in a row: a click is none."""
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


class Vad:
    """Fed audio in order from `at_ms` of the session's input on; answers with the edges it found."""

    def __init__(self, turns: dict[str, Any], audio_format: str, at_ms: int) -> None:
        self._format = audio_format
        self._window_bytes = WINDOW_MS * BYTES_PER_MS[audio_format]
        self._rest = b""
        self._at_ms = at_ms
        self._loud = 0
        self._quiet = 0
        self.speaking = False
        self.use(turns)

    def use(self, turns: dict[str, Any]) -> None:
        """Take new settings in the middle of things."""
        self._level = max(1.0, _LOUD_AT_FULL_THRESHOLD * float(turns.get("threshold", 0.5)))
        self._silence_windows = max(1, -(-silence_ms(turns) // WINDOW_MS))

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
        self._at_ms += WINDOW_MS
        if loudness(window, self._format) >= self._level:
            self._loud, self._quiet = self._loud + 1, 0
        else:
            self._loud, self._quiet = 0, self._quiet + 1
        if not self.speaking and self._loud >= ONSET_WINDOWS:
            self.speaking = True
            return Edge(started=True, at_ms=self._at_ms - ONSET_WINDOWS * WINDOW_MS)
        if self.speaking and self._quiet >= self._silence_windows:
            self.speaking = False
            return Edge(started=False, at_ms=self._at_ms)
        return None
