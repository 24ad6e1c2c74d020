"""The caller's audio on its way to the model: kept until the session is ready, gaps filled, nothing dropped.

Twilio may send no frames at all (mute, silence suppression) and the model can only end a turn on audio it was given
(openai-realtime.md, section 4, "dropped input"; twilio-voice.md, section 4, "Gaps").
"""

from __future__ import annotations

from collections import deque

from bot.audio.payload import BYTES_PER_MS, FRAME_BYTES, payload_bytes, silence
from bot.realtime.events import AppendAudio
from bot.twilio.stream import Media

GAP_US = 100_000
"""No frame for this long is a gap: it is filled by the clock."""
HOLD_BACK_US = 40_000
"""The clock's fill stays this far behind, so that a frame which is only late by jitter still finds its place."""
BACKLOG_BYTES = 30 * 8_000
"""At most 30 s are kept for a session that is not ready; beyond, the oldest go first, counted."""
SLACK_MS = 1_000
"""How much more than the clock allows, or the fill explains, a timestamp may jump before it is not believed."""


class Listening:
    """Byte counts are mu-law at 8 to the millisecond; times are the call's microseconds."""

    def __init__(self) -> None:
        self.ready = False
        self.appended_bytes = 0
        """All that was written to the session, fill included: the scale of `audio_start_ms`."""
        self.backlog_bytes = 0
        """How much of that had been kept when the session became ready."""
        self.filled_bytes = 0
        self.dropped_bytes = 0
        self.distrusted_timestamps = 0
        self._kept: deque[tuple[str, int]] = deque()
        self._kept_bytes = 0
        self._origin_ms: int | None = None
        self._placed_bytes = 0
        self._surplus_bytes = 0
        self._last_us: int | None = None

    def start(self, now_us: int) -> None:
        """The stream has started: silence counts from here."""
        self._last_us = now_us

    def frame(self, message: Media, now_us: int) -> list[AppendAudio]:
        """A frame of the caller; what is missing before it, by its timestamp, comes first as silence."""
        payload, at_ms = message.media.payload, message.media.timestamp
        n_bytes = payload_bytes(payload)
        if self._origin_ms is None:
            self._origin_ms = at_ms - self._placed_bytes // BYTES_PER_MS
        out = self._fill(self._missing(at_ms, now_us))
        self._placed_bytes += n_bytes
        self._surplus_bytes = max(0, self._placed_bytes - n_bytes - (at_ms - self._origin_ms) * BYTES_PER_MS)
        self._last_us = now_us
        out.extend(self._append(payload, n_bytes))
        return out

    def _missing(self, at_ms: int, now_us: int) -> int:
        """Bytes missing before a frame at `at_ms`; what the clock has filled already, or came late, is not."""
        assert self._origin_ms is not None
        assert self._last_us is not None
        missing = (at_ms - self._origin_ms) * BYTES_PER_MS - self._placed_bytes
        allowed_ms = (now_us - self._last_us) // 1000 + SLACK_MS
        if missing > allowed_ms * BYTES_PER_MS or missing < -(self.filled_bytes + SLACK_MS * BYTES_PER_MS):
            self.distrusted_timestamps += 1
            self._origin_ms = at_ms - self._placed_bytes // BYTES_PER_MS
            return 0
        return missing if missing >= FRAME_BYTES else 0

    def deadline_us(self) -> int | None:
        """When a gap must be filled if no frame comes; None while nothing is to be filled."""
        return self._last_us + GAP_US if self.ready and self._last_us is not None else None

    def tick(self, now_us: int) -> list[AppendAudio]:
        """Fill what the clock says is missing, less what late audio has already put in its place."""
        if self._last_us is None or now_us - self._last_us < GAP_US:
            return []
        n_ms = (now_us - self._last_us - HOLD_BACK_US) // 1000
        self._last_us += n_ms * 1000
        due = n_ms * BYTES_PER_MS
        spared = min(self._surplus_bytes, due)
        self._surplus_bytes -= spared
        return self._fill(due - spared)

    def _fill(self, n_bytes: int) -> list[AppendAudio]:
        if n_bytes <= 0:
            return []
        self.filled_bytes += n_bytes
        self._placed_bytes += n_bytes
        return self._append(silence(n_bytes), n_bytes)

    def _append(self, payload: str, n_bytes: int) -> list[AppendAudio]:
        if self.ready:
            self.appended_bytes += n_bytes
            return [AppendAudio(payload)]
        self._kept.append((payload, n_bytes))
        self._kept_bytes += n_bytes
        while self._kept_bytes > BACKLOG_BYTES:
            oldest = self._kept.popleft()[1]
            self._kept_bytes -= oldest
            self.dropped_bytes += oldest
        return []

    def open(self) -> list[AppendAudio]:
        """The session is ready: everything kept so far, in order."""
        self.ready = True
        kept = [AppendAudio(payload) for payload, _ in self._kept]
        self.appended_bytes += self._kept_bytes
        self.backlog_bytes = self._kept_bytes
        self._kept.clear()
        self._kept_bytes = 0
        return kept
