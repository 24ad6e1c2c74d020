"""Times of the caller's speech, on the call's clock, from what the session says of its input audio.

`audio_start_ms` includes the prefix padding and `audio_end_ms` the window of silence after which server_vad takes a
turn to be over (openai-realtime 4): both are taken off. What semantic_vad includes is not known, so its
figures are taken as they are. Where the offsets of a dialect mean nothing, what was written when the word came counts.
"""

from __future__ import annotations

from bot.audio.payload import BYTES_PER_MS
from bot.call.uplink.frames_and_gaps import Uplink
from bot.realtime.events import SpeechStarted, SpeechStopped
from bot.realtime.session import SessionSettings

REMEMBERED = 16
"""Turns whose speech began or ended and that were not committed."""


class CallerSpeech:
    """Times are when the line had brought the audio, in the call's microseconds: the line's delay is not known."""

    def __init__(self, chosen: SessionSettings, uplink: Uplink) -> None:
        detection = chosen.turn_detection
        known = detection.type == "server_vad"
        self._prefix_ms = detection.prefix_padding_ms if known else 0
        self._silence_ms = detection.silence_duration_ms if known else 0
        self._trusted = chosen.tells_offsets
        self._uplink = uplink
        self._began: dict[str, int] = {}
        self._ended: dict[str, int] = {}

    def started(self, event: SpeechStarted, now_us: int) -> None:
        """Speech begins. Where the padding was cut short by the turn before, this is as much too late."""
        start_ms = event.audio_start_ms if self._trusted else max(self._written_ms - self._prefix_ms, 0)
        onset_ms = start_ms + self._prefix_ms
        self._uplink.speech_started(start_ms, onset_ms)
        _keep(self._began, event.item_id, self._uplink.at_us(onset_ms, now_us))

    @property
    def _written_ms(self) -> int:
        return self._uplink.appended.n_bytes // BYTES_PER_MS

    def stopped(self, event: SpeechStopped, now_us: int) -> int:
        """The speech is over: when it really ended."""
        end_ms = event.audio_end_ms if self._trusted else self._written_ms
        self._uplink.speech_stopped(end_ms)
        ended_us = self._uplink.at_us(end_ms - self._silence_ms, now_us)
        _keep(self._ended, event.item_id, ended_us)
        return ended_us

    def began_us(self, item_id: str) -> int | None:
        """Begin of the speech of a turn that is not committed; None: not known."""
        return self._began.get(item_id)

    def take(self, item_id: str, now_us: int) -> tuple[int, int]:
        """Begin and end of the speech of a turn that is now committed: now, as far as the session did not say."""
        ended_us = self._ended.pop(item_id, now_us)
        began_us = self._began.pop(item_id, ended_us)
        return min(began_us, ended_us), ended_us


def _keep(times: dict[str, int], item_id: str, us: int) -> None:
    times[item_id] = us
    while len(times) > REMEMBERED:
        del times[next(iter(times))]
