"""What of the phone's side is this call's: the stream it waits for, and then that stream's messages alone."""

from __future__ import annotations

from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.settings import CallSettings
from bot.call.step import Step, part
from bot.twilio.stream import StartPart


@part
class StreamAdmission:
    """Before `start`, and from another stream, messages are counted and nothing else."""

    _settings: CallSettings
    _step: Step
    _playout: PlayoutQueue

    def ours(self, stream_sid: str) -> bool:
        """True if a message with this SID is of the stream that was taken."""
        taken = self._playout.stream_sid
        if stream_sid == taken and taken:
            return True
        self._step.counts["foreign_stream" if taken else "before_start"] += 1
        return False

    def objection(self, start: StartPart) -> str:
        """The reason why the stream is refused, before anything is spoken or spent; empty when it is not."""
        form, chosen = start.media_format, self._settings
        if (form.encoding, form.sample_rate, form.channels) != ("audio/x-mulaw", 8000, 1):
            return f"the stream is {form.encoding} at {form.sample_rate} Hz, not mu-law at 8000"
        if chosen.call_sid not in {"", start.call_sid} or chosen.account_sid not in {"", start.account_sid}:
            return "start names another call or account than the stream's token"
        return ""
