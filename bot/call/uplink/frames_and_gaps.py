"""The caller's audio on its way to the model: kept until the session is ready, gaps filled, nothing dropped.

Twilio may send no frames at all (mute, silence suppression) and the model can only end a turn on audio it was given
(openai-realtime 4, "dropped input"; twilio-voice 4, "Gaps"). A stall of the line looks the same
until it is over, and silence in its place would end the turn in the middle of a sentence. What tells them apart is the
route: where frames have come through the caller's silence, their absence is a stall, and is waited out for as long as a
stall may last; where the timestamps have left silence out, and as long as nothing is known, a gap is filled at once.
"""

from __future__ import annotations

from base64 import b64encode

from bot.audio.payload import BYTES_PER_MS, FRAME_BYTES, US_PER_BYTE, silence
from bot.call.outputs import Output
from bot.call.uplink.appended_audio import BIG_BYTES, PIECE_PAYLOADS, AppendedAudio
from bot.realtime.events import AppendAudio
from bot.realtime.session import TurnDetection
from bot.twilio.stream import Media

GAP_US = 100_000
"""No frame for this long is a gap."""
STALL_MS = 1_000
"""A stall this much longer than the silence that ends a turn is waited out."""
SHOWN_BYTES = 500 * BYTES_PER_MS
"""Silence of this length shows how the route carries it. Where silence is left out, frames go on for a while after the
words: codecs' hangovers are 80 to 300 ms."""
OVERTAKEN_BYTES = 100 * BYTES_PER_MS
"""A frame so little behind its place was overtaken by others; one further behind begins another count."""
HOLD_BACK_US = 40_000
"""The clock's fill stays this far behind, so that a frame which is only late by jitter still finds its place."""
BACKLOG_BYTES = 30 * 8_000
"""At most 30 s are kept for a session that is not ready; beyond, the oldest go first, counted."""
BACKLOG_FRAMES = 8_000
"""Most frames of it; Twilio sends fifty a second."""
PIECE_BYTES = 8_000
"""Size of the pieces, of a second, in which the next session is given what a lost one made no turn of."""
SLACK_MS = 1_000
"""Jump of a timestamp beyond what the clock allows, or back, from which on it is not believed."""
_NOWHERE = -(2**60)
_DEFAULTS = TurnDetection()


class Uplink:
    """Byte counts are mu-law at 8 to the millisecond; times are the call's microseconds."""

    def __init__(self, detection: TurnDetection = _DEFAULTS) -> None:
        self.appended = AppendedAudio()
        """The session's at hand: for a frame that is the shortest way to it."""
        self.backlog_bytes = 0
        """All that was kept for sessions to become ready."""
        self.filled_bytes = 0
        self.dropped_bytes = 0
        self.distrusted_timestamps = 0
        self._kept: list[tuple[str, int]] = []
        self._kept_bytes = 0
        self._next_at = _NOWHERE
        """Place of the next frame in the stream, in bytes: below 0 until the first has come."""
        self._filled_to = _NOWHERE
        """Place up to which silence stands for what had not come by the clock."""
        self._last_us: int | None = None
        """Time up to which the line has brought audio, or silence was filled in."""
        self._filled_us: int | None = None
        """`_last_us` of a gap that is being filled."""
        self._held_us: int | None = None
        """`_last_us` of a gap that may be a stall."""
        # what semantic_vad waits for is not known
        ends_ms = (detection if detection.type == "server_vad" else _DEFAULTS).silence_duration_ms
        self._stall_us = (ends_ms + STALL_MS) * 1_000 + GAP_US
        self.frames_in_silence = False
        """This route sends frames while the caller is silent, by what it did last."""

    @property
    def ready(self) -> bool:
        """The session takes audio."""
        return self.appended.ready

    def next_session(self, appended: AppendedAudio, unturned: bytes) -> None:
        """Another session is to hear what the one before made no turn of, and what comes from here on."""
        self.appended = appended
        for at in range(0, len(unturned), PIECE_BYTES):
            piece = unturned[at : at + PIECE_BYTES]
            self._keep(b64encode(piece).decode(), len(piece))
        appended.quiet_at = self._kept_bytes

    def start(self, now_us: int) -> None:
        """A stream has started: silence counts from here, and its frames have places of their own."""
        self._last_us = now_us
        self._next_at = self._filled_to = _NOWHERE

    def frame(self, message: Media, now_us: int) -> list[Output]:
        """A frame of the caller; what is missing before it, by its timestamp, comes first as silence."""
        payload = message.media.payload
        n_bytes = len(payload) // 4 * 3 - payload.count("=", -2)  # payload_bytes, without the call
        at = message.media.timestamp * BYTES_PER_MS
        out = self._place(at, now_us) if at != self._next_at else []
        self._next_at += n_bytes
        self._last_us = now_us
        appended = self.appended
        if appended.ready:
            appended.n_bytes += n_bytes
            fresh = appended.fresh
            fresh.append(payload)
            if len(fresh) >= PIECE_PAYLOADS or n_bytes > BIG_BYTES:
                appended.put_away()
            out.append(AppendAudio(payload))
        else:
            self._keep(payload, n_bytes)
        return out

    def _place(self, at: int, now_us: int) -> list[Output]:
        """Silence for what is missing before a frame at `at`, less what the clock has filled of it."""
        expected = max(self._next_at, min(at, self._filled_to))
        missing = at - expected
        if self._next_at < 0 or not self._believed(missing, now_us):
            self.distrusted_timestamps += self._next_at >= 0
            self._next_at = self._filled_to = at
            return []
        if at - self._next_at >= SHOWN_BYTES:
            self.frames_in_silence = False
        if -OVERTAKEN_BYTES <= missing < FRAME_BYTES:  # one that was overtaken; or no gap until it adds up to one
            self._next_at = expected
            return []
        self._next_at = at
        return self._fill(missing) if missing > 0 else []

    def _believed(self, missing: int, now_us: int) -> bool:
        assert self._last_us is not None
        return -SLACK_MS <= missing // BYTES_PER_MS <= (now_us - self._last_us) // 1000 + SLACK_MS

    def speech_started(self, audio_start_ms: int, onset_ms: int) -> None:
        """The session tells of speech: `audio_start_ms` with its padding, `onset_ms` without.

        What came before it, unbroken, was silence.
        """
        self.appended.speech_started(audio_start_ms)
        self._silent_until(min(onset_ms * BYTES_PER_MS, self.appended.n_bytes))  # it may be late: the padding cut short

    def speech_stopped(self, audio_end_ms: int) -> None:
        """The session tells of the speech's end."""
        self.appended.speech_stopped(audio_end_ms)
        self.appended.quiet_at = max(self.appended.quiet_at, audio_end_ms * BYTES_PER_MS)

    def _silent_until(self, at: int) -> None:
        """The caller has been silent up to `at`, in bytes written."""
        if at - self.appended.quiet_at >= SHOWN_BYTES:
            self.frames_in_silence = True

    def at_us(self, audio_ms: int, now_us: int) -> int:
        """Time at which the line had brought the first `audio_ms` of what was written to the session.

        What is written runs in step with the clock: fill stands for what did not come.
        """
        behind = max(self.appended.n_bytes - audio_ms * BYTES_PER_MS, 0)
        reached_us = now_us if self._last_us is None else self._last_us
        return max(reached_us - behind * US_PER_BYTE, 0)

    def deadline_us(self) -> int | None:
        """Time at which a gap may have to be filled if no frame comes; None while nothing is to be filled."""
        if not self.appended.ready or self._last_us is None:
            return None
        return self._last_us + (self._stall_us if self._held_us == self._last_us else GAP_US)

    def tick(self, now_us: int) -> list[Output]:
        """Fill what the clock says is missing, unless it may still come."""
        if self._last_us is None or now_us - self._last_us < GAP_US:
            return []
        if self._last_us != self._filled_us and self._may_be_stall(now_us - self._last_us):
            self._held_us = self._last_us
            return []
        n_ms = (now_us - self._last_us - HOLD_BACK_US) // 1000
        self._last_us += n_ms * 1000
        self._filled_us = self._last_us
        n_bytes = n_ms * BYTES_PER_MS
        self._filled_to = max(self._filled_to, self._next_at) + n_bytes
        return self._fill(n_bytes)

    def _may_be_stall(self, gap_us: int) -> bool:
        """True if a gap that has gone on for `gap_us` is to be waited out."""
        if not self.appended.speaking:
            self._silent_until(self.appended.n_bytes)
        return self.frames_in_silence and gap_us < self._stall_us

    def _fill(self, n_bytes: int) -> list[Output]:
        self.filled_bytes += n_bytes
        out: list[Output] = []
        payload = silence(n_bytes)
        appended = self.appended
        if appended.ready:
            appended.wrote(payload, n_bytes)
            out.append(AppendAudio(payload))
        else:
            self._keep(payload, n_bytes)
        appended.quiet_at = appended.n_bytes + self._kept_bytes
        return out

    def _keep(self, payload: str, n_bytes: int) -> None:
        if not n_bytes:
            return
        self._kept.append((payload, n_bytes))
        self._kept_bytes += n_bytes
        while self._kept_bytes > BACKLOG_BYTES or len(self._kept) > BACKLOG_FRAMES:
            oldest = self._kept.pop(0)[1]
            self._kept_bytes -= oldest
            self.dropped_bytes += oldest

    def open(self) -> list[Output]:
        """The session is ready: everything kept so far, in order."""
        self.appended.ready = True
        self.backlog_bytes += self._kept_bytes
        self._kept_bytes = 0
        kept: list[Output] = [AppendAudio(payload) for payload, _ in self._kept]
        for payload, n_bytes in self._kept:
            self.appended.wrote(payload, n_bytes)
        self._kept.clear()
        return kept

    def alive(self) -> None:
        """The session has given a sign of life."""
        self.appended.alive()
