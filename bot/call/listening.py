"""The caller's audio on its way to the model: kept until the session is ready, gaps filled, nothing dropped.

Twilio may send no frames at all (mute, silence suppression) and the model can only end a turn on audio it was given
(openai-realtime.md, section 4, "dropped input"; twilio-voice.md, section 4, "Gaps").
"""

from __future__ import annotations

from base64 import b64encode
from collections import deque

from bot.audio.payload import BYTES_PER_MS, FRAME_BYTES, silence
from bot.call.caller_audio import BIG_BYTES, PIECE_PAYLOADS, CallerAudio
from bot.call.outputs import Output
from bot.realtime.events import AppendAudio
from bot.twilio.stream import Media

US_PER_BYTE = 125
GAP_US = 100_000
"""No frame for this long is a gap: it is filled by the clock."""
HOLD_BACK_US = 40_000
"""The clock's fill stays this far behind, so that a frame which is only late by jitter still finds its place."""
BACKLOG_BYTES = 30 * 8_000
"""At most 30 s are kept for a session that is not ready; beyond, the oldest go first, counted."""
BACKLOG_FRAMES = 8_000
"""And no more frames than this; Twilio sends fifty a second."""
PIECE_BYTES = 8_000
"""What a lost session made no turn of goes to the next one in pieces of a second."""
SLACK_MS = 1_000
"""How much more than the clock allows, or the fill explains, a timestamp may jump before it is not believed."""
_NOWHERE = -(2**60)


class Listening:
    """Byte counts are mu-law at 8 to the millisecond; times are the call's microseconds."""

    def __init__(self) -> None:
        self.ready = False
        self.appended_bytes = 0
        """All that was written to the session, fill included: the scale of `audio_start_ms`."""
        self.backlog_bytes = 0
        """All that was kept for sessions to become ready."""
        self.audio = CallerAudio()
        self._fresh = self.audio.fresh
        self.filled_bytes = 0
        self.dropped_bytes = 0
        self.distrusted_timestamps = 0
        self._kept: deque[tuple[str, int]] = deque()
        self._kept_bytes = 0
        self._next_at = _NOWHERE
        """Where in the stream, in bytes, the next frame belongs: below 0 until the first has come."""
        self._surplus_bytes = 0
        self._last_us: int | None = None

    def start(self, now_us: int) -> None:
        """The stream has started: silence counts from here."""
        self._last_us = now_us

    def frame(self, message: Media, now_us: int) -> list[Output]:
        """A frame of the caller; what is missing before it, by its timestamp, comes first as silence."""
        payload = message.media.payload
        n_bytes = len(payload) // 4 * 3 - payload.count("=", -2)  # payload_bytes, without the call
        at = message.media.timestamp * BYTES_PER_MS
        out: list[Output] = []
        if at == self._next_at:
            self._surplus_bytes = 0
        else:
            ahead = self._ahead(at, now_us)
            self._surplus_bytes = max(-ahead, 0)
            if ahead >= FRAME_BYTES:
                out = self._fill(ahead)
        self._next_at += n_bytes
        self._last_us = now_us
        if self.ready:
            self.appended_bytes += n_bytes
            self._fresh.append(payload)
            if len(self._fresh) >= PIECE_PAYLOADS or n_bytes > BIG_BYTES:
                self.audio.put_away(self.appended_bytes)
            out.append(AppendAudio(payload))
        else:
            self._keep(payload, n_bytes)
        return out

    def _ahead(self, at: int, now_us: int) -> int:
        """Bytes missing before a frame at `at`; below 0, it comes late and the clock has filled its place."""
        if self._next_at >= 0:
            ahead = at - self._next_at
            if self._believed(ahead, now_us):
                return ahead
            self.distrusted_timestamps += 1
        self._next_at = at + self._next_at % BYTES_PER_MS
        return at - self._next_at

    def _believed(self, ahead: int, now_us: int) -> bool:
        if ahead < FRAME_BYTES:
            return ahead >= -(self.filled_bytes + SLACK_MS * BYTES_PER_MS)
        assert self._last_us is not None
        return ahead <= ((now_us - self._last_us) // 1000 + SLACK_MS) * BYTES_PER_MS

    def at_us(self, audio_ms: int, now_us: int) -> int:
        """When the line had brought the first `audio_ms` of what was written to the session.

        What is written runs in step with the clock: fill stands for what did not come.
        """
        behind = max(self.appended_bytes - audio_ms * BYTES_PER_MS, 0)
        reached_us = now_us if self._last_us is None else self._last_us
        return max(reached_us - behind * US_PER_BYTE, 0)

    def deadline_us(self) -> int | None:
        """When a gap must be filled if no frame comes; None while nothing is to be filled."""
        return self._last_us + GAP_US if self.ready and self._last_us is not None else None

    def tick(self, now_us: int) -> list[Output]:
        """Fill what the clock says is missing, less what late audio has already put in its place."""
        if self._last_us is None or now_us - self._last_us < GAP_US:
            return []
        n_ms = (now_us - self._last_us - HOLD_BACK_US) // 1000
        self._last_us += n_ms * 1000
        due = n_ms * BYTES_PER_MS
        spared = min(self._surplus_bytes, due)
        self._surplus_bytes -= spared
        return self._fill(due - spared) if due > spared else []

    def _fill(self, n_bytes: int) -> list[Output]:
        self.filled_bytes += n_bytes
        self._next_at += n_bytes
        if self.ready:
            self.appended_bytes += n_bytes
            payload = silence(n_bytes)
            self.audio.wrote(payload, self.appended_bytes)
            return [AppendAudio(payload)]
        self._keep(silence(n_bytes), n_bytes)
        return []

    def _keep(self, payload: str, n_bytes: int) -> None:
        if not n_bytes:
            return
        self._kept.append((payload, n_bytes))
        self._kept_bytes += n_bytes
        while self._kept_bytes > BACKLOG_BYTES or len(self._kept) > BACKLOG_FRAMES:
            oldest = self._kept.popleft()[1]
            self._kept_bytes -= oldest
            self.dropped_bytes += oldest

    def open(self) -> list[Output]:
        """The session is ready: everything kept so far, in order."""
        self.ready = True
        self.backlog_bytes += self._kept_bytes
        self._kept_bytes = 0
        kept: list[Output] = [AppendAudio(payload) for payload, _ in self._kept]
        for payload, n_bytes in self._kept:
            self.appended_bytes += n_bytes
            self.audio.wrote(payload, self.appended_bytes)
        self._kept.clear()
        return kept

    def alive(self) -> None:
        """The session has given a sign of life."""
        self.audio.alive(self.appended_bytes)

    def session_lost(self) -> None:
        """The session is gone. What it made no turn of, and what comes from here on, is for the next one."""
        self.ready = False
        self.appended_bytes = 0
        lost = self.audio.session_lost()
        for at in range(0, len(lost), PIECE_BYTES):
            piece = lost[at : at + PIECE_BYTES]
            self._keep(b64encode(piece).decode(), len(piece))
