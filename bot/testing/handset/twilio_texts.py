"""Twilio's messages as texts: numbers inside `media` and all sequence numbers are strings (twilio-voice 4)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


class StreamIds(msgspec.Struct, frozen=True):
    """Identity of a stream. The account and call are those of the webhook; the stream is new for each stream."""

    account_sid: str = "AC00000000000000000000000000000001"
    call_sid: str = "CA00000000000000000000000000000001"
    stream_sid: str = "MZ00000000000000000000000000000001"


class TwilioTexts:
    """Writes one stream's messages and numbers them: one counter for all, one more for the chunks of media."""

    def __init__(self, ids: StreamIds) -> None:
        self.ids = ids
        self._sequence = 0
        self._chunk = 0

    def start(self, parameters: dict[str, str]) -> str:
        part = {
            "accountSid": self.ids.account_sid,
            "streamSid": self.ids.stream_sid,
            "callSid": self.ids.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        }
        return self._text("start", part)

    def media(self, payload: str, timestamp_ms: int) -> str:
        # Written by hand: fifty a second for each call, and no character of it needs escaping.
        self._sequence += 1
        self._chunk += 1
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","streamSid":"{self.ids.stream_sid}","media":'
            f'{{"track":"inbound","chunk":"{self._chunk}","timestamp":"{timestamp_ms}","payload":"{payload}"}}}}'
        )

    def dtmf(self, digit: str) -> str:
        return self._text("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._text("mark", {"name": name})

    def stop(self) -> str:
        return self._text("stop", {"accountSid": self.ids.account_sid, "callSid": self.ids.call_sid})

    def _text(self, event: str, part: Mapping[str, object]) -> str:
        self._sequence += 1
        message = {
            "event": event,
            "sequenceNumber": str(self._sequence),
            "streamSid": self.ids.stream_sid,
            event: part,
        }
        return msgspec.json.encode(message).decode()
