"""The announcement: a notice that the caller must hear, such as that the call is recorded.

It is the first thing to be played and can't be interrupted. What the caller says meanwhile goes to the model like all
their audio, but cuts nothing. Nobody is recorded before it has certainly been heard (bot.recording.files.call_file).
"""

from __future__ import annotations

from bot.call.playout.ledger import CONFIRM_WITHIN_US
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.recorded_prompt import RecordedPrompt
from bot.call.settings import CallSettings
from bot.call.transcript.transcript import Transcript
from bot.twilio.stream import Outbound

ANNOUNCEMENT_ITEM = "announcement"


class Announcement:
    """A notice that is over before it begins where none is set. Make it before anything else that is played."""

    def __init__(self, settings: CallSettings, playout: PlayoutQueue, transcript: Transcript) -> None:
        self.recorded: RecordedPrompt | None = None
        self._ledger = playout.ledger
        if settings.announcement_audio:
            audio, words = settings.announcement_audio, settings.announcement
            self.recorded = RecordedPrompt(ANNOUNCEMENT_ITEM, words, audio, playout, transcript)

    def again(self, now_us: int) -> list[Outbound]:
        """Nothing of it was heard, since nobody was there: play it now. It is what goes out at once."""
        return [] if self.recorded is None else self.recorded.again(now_us)

    @property
    def due_us(self) -> tuple[int, ...]:
        """Times to look: at its end, if its mark came back a little early, and when it counts as heard without one."""
        ended_us = None if self.recorded is None else self.recorded.entry.ended_us
        return () if ended_us is None else (ended_us, ended_us + CONFIRM_WITHIN_US)

    def heard(self, now_us: int) -> bool:
        """True once the caller has certainly heard it, since a mark behind it has come back.

        From then on they may interrupt: a `clear` sooner would take the proof away, and on a line that stalls the end.
        """
        entry = None if self.recorded is None else self.recorded.entry
        return entry is None or self._ledger.over(entry, now_us, confirm_us=CONFIRM_WITHIN_US)
