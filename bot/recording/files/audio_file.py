"""A call as a stereo WAV, written as the call goes: the caller left, what they really heard right, on the call's clock.

What the bot has sent and the caller has not heard yet stays in memory, at most ten minutes of it: a `clear` takes it
back, and after a crash the file must not hold what nobody heard. All else is on the disk within a second.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from bot.audio.payload import US_PER_BYTE
from bot.audio.wav import StereoWriter
from bot.recording.files.audio_tracks import CallerClock, Track
from bot.recording.files.call_file import CallerFrame, Row, Standing
from bot.recording.files.new_file import FileKind, new_file
from bot.twilio.playout import Playout
from bot.twilio.stream import Clear, PlayMedia

SUFFIX = ".call.wav"
HOLD_US = 400_000
"""Delay of the file behind the call. Frames that are late by jitter, and marks that correct when audio began to play,
come sooner than that."""
AUDIBLE_US = 10_000
"""The estimate of when audio plays moves by a few ms with each mark: a recording that followed would crackle."""
TOLD_US = 1_000
"""Smallest correction of the playing time that is followed at a cut: as exact as what the model is told."""


class AudioFile:
    """A CallFile, from the moment when the caller may be recorded; made once there is something to hear.

    Where nothing is announced it begins earlier if frames tell that the stream did: no first words are lost to a server
    that was late to read them.

    The caller's frames stand where their timestamps say, however late they come, with silence between. The bot's audio
    stands where the ledger says that it was heard. A stall of the line that a mark tells of too late is a pause where
    the file had got to.
    """

    kind: FileKind = "recording"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._wav: StereoWriter | None = None
        self._now_us = 0
        self._standing = Standing()
        self._cleared_us: int | None = None
        """Time of a clear that has not been carried out yet."""
        self._announces = False
        self._allowed_us: int | None = None
        """Time since which the caller may be recorded."""
        self._origin_us: int | None = None
        """The first sample's moment; not settled before anything is written."""
        self._playout = Playout()
        self._caller = CallerClock()
        self._early: list[tuple[int, CallerFrame]] = []
        """The caller's frames while that is so."""
        self._left, self._right = Track(), Track()

    @property
    def made(self) -> bool:
        return self._file is not None

    @property
    def waiting_bytes(self) -> int:
        """Audio in memory: sent and not heard yet, or heard and said just now."""
        return self._playout.kept_bytes + len(self._left) + len(self._right)

    # ---- what comes ----

    def write(self, rows: Sequence[Row]) -> None:
        for us, _, raw, _ in rows:
            if type(raw) is CallerFrame:
                self._from_phone(us, raw)
            elif type(raw) is PlayMedia:
                self._cut()
                self._playout.prebuffer_us = max(0, self._standing.late_us)
                self._playout.media(binascii.a2b_base64(raw.media.payload), us)
            elif type(raw) is Clear:
                self._cleared_us = us
            elif type(raw) is Standing:
                self._stands(us, raw)
        if rows:
            self._now_us = rows[-1][0]

    def _stands(self, us: int, standing: Standing) -> None:
        if standing.stream_sid != self._standing.stream_sid and self._origin_us is not None:
            self._caller = CallerClock()  # the next stream counts from its own beginning
        self._standing = standing
        if self._cleared_us is not None:
            self._cut()
        else:
            self._follow(AUDIBLE_US)
        self._announces = self._announces or not standing.announced
        if self._allowed_us is None and standing.recordable:
            self._allowed_us = us

    def _follow(self, least_us: int) -> None:
        if abs(self._standing.late_us - self._playout.late_us) >= least_us:
            self._playout.put_off(self._standing.late_us)

    def _cut(self) -> None:
        """Carry out a clear, after the step's last word on how late audio plays: cut what the model was told."""
        if self._cleared_us is not None:
            self._follow(TOLD_US)
            self._playout.clear(self._cleared_us)
            self._cleared_us = None

    def _from_phone(self, us: int, frame: CallerFrame) -> None:
        if not frame.audio:
            return
        if self._origin_us is not None:
            self._place(frame.audio, self._caller.spoken_us(frame.timestamp_ms, us) - self._origin_us)
            return
        self._caller.hear(frame.timestamp_ms, us)
        if self._allowed_us is not None:
            self._early.append((us, frame))

    def _place(self, audio: bytes, at_us: int) -> None:
        """`at_us` after the recording's first sample."""
        at, late = self._left.put(at_us // US_PER_BYTE, audio)
        if late and self._wav is not None:
            self._wav.overwrite_caller(at, late)

    # ---- what is written ----

    def flush(self, *, over: bool) -> None:
        self._cut()
        self._advance(self._now_us if over else self._now_us - HOLD_US)
        if self._wav is not None:
            self._wav.sync()

    def close(self) -> None:
        with ExitStack() as closing:
            for part in (self._file, self._wav):
                if part is not None:
                    closing.enter_context(part)

    def _advance(self, until_us: int) -> None:
        """Write both sides up to `until_us`."""
        if self._allowed_us is None or until_us < self._allowed_us + US_PER_BYTE:
            return
        if self._origin_us is None:
            self._origin_us = self._settle(self._allowed_us)
        upto = (until_us - self._origin_us) // US_PER_BYTE
        for span in self._playout.take(self._origin_us + (upto + 1) * US_PER_BYTE):
            self._right.put((span.at_us - self._origin_us) // US_PER_BYTE, span.audio)
        self._opened().write(self._left.take(upto), self._right.take(upto))

    def _settle(self, allowed_us: int) -> int:
        """The start of the recording; the caller's first frames take their places."""
        began_us = [self._caller.at_us(frame.timestamp_ms, us) for us, frame in self._early]
        origin_us = allowed_us if self._announces else min([allowed_us, *began_us])
        for us, frame in self._early:
            self._place(frame.audio, self._caller.at_us(frame.timestamp_ms, us) - origin_us)
        self._early.clear()
        return origin_us

    def _opened(self) -> StereoWriter:
        if self._wav is None:
            self.path, self._file = new_file(self.path, SUFFIX)
            self._wav = StereoWriter(self._file)
        return self._wav
