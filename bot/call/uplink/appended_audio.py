"""The caller's audio as appended to one session's input, and the end of it kept for the session that takes over.

A session that is lost takes with it what it heard. What it made no turn of is written to the next one again; a turn
whose words are not known is told as audio (bot.call.uplink.wordless_turns). Of what is no speech only that is kept
which the session may not have heard: when it says anything, or answers a ping, it has heard what was written a while
before.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterable

from bot.audio.payload import BYTES_PER_MS

PIECE_PAYLOADS = 25
"""Half a second of Twilio's frames: what is kept is kept and dropped in such pieces, not frame by frame."""
DOUBT_BYTES = 8_000
"""Age from which on audio was certainly heard by a session that gives a sign of life, and was no speech."""
BIG_BYTES = 8_000
"""A payload of more is put away at once: few of that size may lie about."""
MOST_PIECES = 400
"""However little is in them."""
RECENT_BYTES = 6 * 8_000
"""While the caller does not speak, as far as the session says. A session that died without a word may have been dead
for four seconds (bot.realtime.connection)."""
TURN_BYTES = 20 * 8_000
"""The end of a turn, if it was longer."""


class AppendedAudio:
    """Positions are bytes of all that was written to the session, the scale of `audio_start_ms`."""

    def __init__(self) -> None:
        self.ready = False
        """The session is configured, and takes audio."""
        self.n_bytes = 0
        """All that was written to it, fill included."""
        self.quiet_at = 0
        """Position at which the caller's silence began, or the frames that have come through it did."""
        self.fresh: list[str] = []
        """Payloads written from `_fresh_at` on, always in this list. Whoever adds to it puts it away in time."""
        self._fresh_at = 0
        self._pieces: list[tuple[int, bytes]] = []
        """Pieces from before: the begin of each, and its sound. In memory that is half of its payloads."""
        self._from: int | None = None
        """Begin of the speech in progress."""
        self._to: int | None = None

    def wrote(self, payload: str, n_bytes: int) -> None:
        """Payload written to the session."""
        self.n_bytes += n_bytes
        self.fresh.append(payload)
        if len(self.fresh) >= PIECE_PAYLOADS or len(payload) > BIG_BYTES:
            self.put_away()

    def put_away(self) -> None:
        """Make a piece of the fresh payloads."""
        pieces = self._pieces
        pieces.append((self._fresh_at, _sound_of(self.fresh)))
        self.fresh.clear()
        self._fresh_at = self.n_bytes
        self._forget(self.n_bytes - (RECENT_BYTES if self._from is None else TURN_BYTES))
        if len(pieces) > MOST_PIECES:
            del pieces[0]

    def alive(self) -> None:
        """The session has given a sign of life."""
        doubtful_at = self.n_bytes - DOUBT_BYTES
        self._forget(doubtful_at if self._from is None else min(self._from, doubtful_at))

    def _forget(self, before: int) -> None:
        """Drop the pieces that end there or sooner."""
        pieces = self._pieces
        while pieces and (pieces[1][0] if len(pieces) > 1 else self._fresh_at) <= before:
            del pieces[0]

    @property
    def speaking(self) -> bool:
        """Speech is in progress, as far as the session has told."""
        return self._from is not None and self._to is None

    def speech_started(self, audio_start_ms: int) -> None:
        """Speech goes on until it is a turn."""
        if self._from is None:
            self._from = audio_start_ms * BYTES_PER_MS
        self._to = None

    def speech_stopped(self, audio_end_ms: int) -> None:
        self._to = audio_end_ms * BYTES_PER_MS

    def take_turn(self) -> bytes:
        """The speech became a turn: its sound, empty where none was told of."""
        at, sound = self._take()
        end = len(sound) if self._to is None else min(max(self._to - at, 0), len(sound))
        speech = b"" if self._from is None else sound[max(self._from - at, end - TURN_BYTES, 0) : end]
        if end < len(sound):
            self._pieces.append((at + end, sound[end:]))
        self._from = self._to = None
        return speech

    def recent(self, n_bytes: int) -> bytes:
        """The last so many bytes that were written, as far as they are kept."""
        sound = _sound_of(self.fresh)
        for _, piece in reversed(self._pieces):
            if len(sound) >= n_bytes:
                break
            sound = piece + sound
        return sound[max(len(sound) - n_bytes, 0) :]

    def _take(self) -> tuple[int, bytes]:
        """All that is kept of what was written, which is then empty: where it begins, and its sound."""
        fresh = _sound_of(self.fresh)
        at = self._pieces[0][0] if self._pieces else self._fresh_at
        sound = b"".join([piece for _, piece in self._pieces]) + fresh
        self._fresh_at += len(fresh)
        self.fresh.clear()
        self._pieces.clear()
        return at, sound

    def unturned(self) -> bytes:
        """Sound of which the session, which is lost, made no turn."""
        _, sound = self._take()
        return sound[-TURN_BYTES:]


def _sound_of(payloads: Iterable[str]) -> bytes:
    return b"".join(map(a2b_base64, payloads))
