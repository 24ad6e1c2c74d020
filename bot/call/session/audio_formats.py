"""Audio formats that the session hears and speaks, by what it says itself (openai-realtime 2.1, pitfalls 8 and 9)."""

from __future__ import annotations

from bot.audio.transcode import LINE
from bot.audio.transcode import Format as AudioFormat
from bot.call.outputs import Transcode
from bot.call.step import Step
from bot.realtime.events import Format, Session
from bot.realtime.session import SessionSettings, formats


class AudioFormats:
    """The call itself knows mu-law alone; where the session differs, the shell is told to stand between them."""

    def __init__(self, step: Step, asked: SessionSettings) -> None:
        self._step = step
        self._asked = asked
        self._now = (LINE, LINE)

    def settle(self, session: Session) -> bool:
        """The session has said what it is: whether there is a way to speak with it."""
        told = formats(session, self._asked)
        if told is None:
            heard, spoken = (_in_words(side.format) for side in (session.audio.input, session.audio.output))
            self._step.warn("format_mismatch", why=f"the session has input {heard} and output {spoken}")
            return False
        if told != self._now:
            self._now = told
            self._step.send(Transcode(*told))
            self._tell(*told)
        return True

    def _tell(self, heard: AudioFormat, spoken: AudioFormat) -> None:
        """Loudly where it is not what was asked for."""
        if heard == spoken == self._asked.audio:
            self._step.report("transcoding", heard=heard, spoken=spoken)
        else:
            self._step.warn("transcoding", heard=heard, spoken=spoken)


def _in_words(told: Format) -> str:
    return (told.type or "unset") + (f" at {told.rate:g} Hz" if told.rate else "")
