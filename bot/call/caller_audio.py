"""The caller's audio as it came, kept for a session that takes over: speech in progress, and turns without words.

A session that is lost takes with it what it heard. What it made no turn of is written to the next one again; a turn
whose words are not known, or not yet, is told as audio (bot.call.resume).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import deque

from bot.audio.payload import BYTES_PER_MS

Frame = tuple[str, int]
"""A payload and its bytes."""

RECENT_BYTES = 8 * 8_000
"""While the caller does not speak, as far as the session says. A session that died without a word may have been dead
for that long (bot.realtime.connection)."""
TURN_BYTES = 20 * 8_000
"""The end of a turn, if it was longer."""
ALL_BYTES = 60 * 8_000
"""Of all turns kept together; beyond, the oldest go."""
MAX_FRAMES = 8_000
"""Kept of speech in progress; Twilio sends fifty a second."""


class CallerAudio:
    """Positions are bytes of all that was written to the session, the scale of `audio_start_ms`."""

    def __init__(self) -> None:
        self._recent: deque[Frame] = deque()
        self._recent_bytes = 0
        self._most_bytes = RECENT_BYTES
        self._written = 0
        self._from: int | None = None
        """Where the speech in progress began."""
        self._to: int | None = None
        self._turns: dict[int, tuple[list[str], int]] = {}
        self._turns_bytes = 0

    def wrote(self, payload: str, n_bytes: int) -> None:
        """So much was written to the session, fifty times a second."""
        self._written += n_bytes
        self._recent.append((payload, n_bytes))
        self._recent_bytes += n_bytes
        while self._recent_bytes > self._most_bytes or len(self._recent) > MAX_FRAMES:
            self._recent_bytes -= self._recent.popleft()[1]

    def speech_started(self, audio_start_ms: int) -> None:
        """Speech goes on until it is a turn."""
        if self._from is None:
            self._from = audio_start_ms * BYTES_PER_MS
        self._to = None
        self._most_bytes = TURN_BYTES

    def speech_stopped(self, audio_end_ms: int) -> None:
        self._to = audio_end_ms * BYTES_PER_MS

    def turn(self, number: int) -> None:
        """The speech became turn `number`, whose words are not known yet."""
        begins, ends = self._from, self._written if self._to is None else self._to
        at = self._written - self._recent_bytes
        kept: list[str] = []
        n_kept = 0
        while self._recent and at + self._recent[0][1] <= ends:
            payload, n_bytes = self._recent.popleft()
            at += n_bytes
            self._recent_bytes -= n_bytes
            if begins is not None and at > begins:
                kept.append(payload)
                n_kept += n_bytes
        self._from = self._to = None
        self._most_bytes = RECENT_BYTES
        if kept:
            self._turns[number] = (kept, n_kept)
            self._turns_bytes += n_kept
        while self._turns_bytes > ALL_BYTES:
            self.known(next(iter(self._turns)))

    def known(self, number: int) -> None:
        """The words of the turn have come."""
        self._turns_bytes -= self._turns.pop(number, ([], 0))[1]

    def turns(self) -> dict[int, str]:
        """The audio of each turn whose words are not known, as one payload."""
        return {
            number: b64encode(b"".join([b64decode(payload) for payload in kept])).decode()
            for number, (kept, _) in self._turns.items()
        }

    def session_lost(self) -> list[Frame]:
        """What the session made no turn of; the next one begins with nothing written."""
        frames = list(self._recent)
        self._recent.clear()
        self._recent_bytes = self._written = 0
        self._from = self._to = None
        self._most_bytes = RECENT_BYTES
        return frames
