"""The input audio buffer: what was written, how long it is, and the piece of it that is the caller's turn (3.1, 4)."""

from __future__ import annotations

from typing import Any

from bot.testing.agent import Ears
from bot.testing.model.hearing.vad import Edge, LoudnessJudge, Vad, prefix_ms
from bot.testing.model.protocol.codec import BYTES_PER_MS

Json = dict[str, Any]
_LATE_MS = 100
"""Audio kept beside the prefix where nobody listens for speech."""


class InputAudioBuffer:
    """Offsets are in ms of all audio written in this session, whatever its format was (openai-realtime 4).

    `heard` keeps every byte that came, unless `keep` is off. `detect` off: no audio is ever looked at. Speech is told
    by the `ears`, or by loudness.
    """

    def __init__(
        self, audio_format: str, turns: Json | None, *, keep: bool, detect: bool, ears: Ears | None = None
    ) -> None:
        self.heard = bytearray()
        self.written_bytes = 0
        self.speaking = False
        self._keep = keep
        self._detect = detect
        self._ears = ears
        self._format = ""
        self._turns: Json | None = None
        self._vad: Vad | None = None
        self._before_ms = 0
        self._in_format = 0
        self._buffer = bytearray()
        self.use(audio_format, turns)

    def use(self, audio_format: str, turns: Json | None) -> None:
        """Take the session's input format and turn detection; a new format empties the buffer."""
        if audio_format != self._format:
            self._before_ms, self._in_format = self.written_ms, 0
            self._format = audio_format
            self._buffer.clear()
            self._vad = None
        self._turns = turns
        if turns is None or not self._detect:
            self._vad = None
        elif self._vad is None:
            judge = LoudnessJudge(audio_format) if self._ears is None else self._ears.judge(audio_format)
            self._vad = Vad(turns, audio_format, self.written_ms, judge)
        else:
            self._vad.use(turns)

    @property
    def _bytes_per_ms(self) -> int:
        return BYTES_PER_MS.get(self._format, 8)

    @property
    def written_ms(self) -> int:
        return self._before_ms + self._in_format // self._bytes_per_ms

    @property
    def buffered_ms(self) -> float:
        """Milliseconds of audio that can be committed."""
        return len(self._buffer) / self._bytes_per_ms

    def append(self, audio: bytes) -> list[Edge]:
        """Append audio, and tell the edges of speech found in it."""
        if self._keep:
            self.heard += audio
        self.written_bytes += len(audio)
        self._in_format += len(audio)
        self._buffer += audio
        if self._turns is None:
            return []
        edges = self._vad.hear(audio) if self._vad is not None else []
        if not edges and not self.speaking:
            late_ms = _LATE_MS if self._vad is None else self._vad.late_ms
            self._forget_silence(prefix_ms(self._turns) + late_ms)
        return edges

    @property
    def pause_ms(self) -> int:
        """Silence so far within speech that may go on; 0 where nobody listens for it."""
        return 0 if self._vad is None else self._vad.pause_ms

    @property
    def spoken_until_ms(self) -> int:
        """The end of the last speech there was; 0 where nobody listens for it."""
        return 0 if self._vad is None else self._vad.spoken_until_ms

    def take(self, from_ms: int, to_ms: int) -> bytes:
        """The audio of a turn, as far as it is still there; the buffer is empty up to `to_ms` afterwards."""
        turn = self.look(from_ms, to_ms)
        del self._buffer[: self._place(to_ms)]
        return turn

    def look(self, from_ms: int, to_ms: int) -> bytes:
        """The same, and it stays in the buffer."""
        return bytes(self._buffer[self._place(from_ms) : self._place(to_ms)])

    def _place(self, at_ms: int) -> int:
        """Index in the buffer of that moment; of one no longer there the first."""
        return max(0, at_ms * self._bytes_per_ms - self._written_before())

    def _written_before(self) -> int:
        """Bytes that stood before the buffer's first, had all of the session been in the present format."""
        return (self.written_ms - len(self._buffer) // self._bytes_per_ms) * self._bytes_per_ms

    def clear(self) -> None:
        self._buffer.clear()
        self.end_turn()

    def end_turn(self) -> None:
        """The turn ended otherwise than by silence."""
        self.speaking = False
        if self._vad is not None:
            self._vad.end_turn()

    def _forget_silence(self, keep_ms: int) -> None:
        keep = keep_ms * self._bytes_per_ms
        if len(self._buffer) > 2 * keep:
            del self._buffer[: len(self._buffer) - keep]
