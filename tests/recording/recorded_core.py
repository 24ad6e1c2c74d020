"""A core that is recorded as the bridge records it, for calls in virtual time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bot.call.call import Call, Input
from bot.call.inputs import Note
from bot.call.outputs import Output
from bot.recording.files.call_file import CallFile
from bot.recording.files.file_writer import FLUSH_S, Writer, Written
from bot.recording.files.recorder import Recorder
from bot.testing.virtual.scheduler import Core
from bot.twilio import stream

_encode = msgspec.json.Encoder().encode


class VirtualWriter(Writer):
    """Writes when virtual time says so: no thread."""

    def __init__(self, flush_us: int = round(FLUSH_S * 1_000_000)) -> None:
        self.failures = 0
        self._every_us = flush_us
        self._due_us = flush_us
        self._written: list[Written] = []

    def add(self, written: Written) -> None:
        self._written.append(written)

    def close(self, written: Written) -> None:
        self._written.remove(written)
        written.finish()

    def look(self, now_us: int) -> None:
        """Let the files look at the time `now_us`."""
        if now_us >= self._due_us:
            self._due_us = now_us + self._every_us
            for written in self._written:
                written.write_pending()


class Overheard(Core):
    """Records `call` into `files`. The texts of both sides are written anew from what they were read as."""

    def __init__(self, call: Call, files: Sequence[CallFile], flush_us: int | None = None) -> None:
        self.call = call
        self.began_us: int | None = None
        """Time from which the caller might be recorded."""
        self._writer = VirtualWriter() if flush_us is None else VirtualWriter(flush_us)
        self._recorder = Recorder(files, writer=self._writer)

    def finish(self) -> None:
        """End the call and close the files, none of which has failed."""
        self._recorder.close()
        assert not self._writer.failures

    @property
    def deadline_us(self) -> int | None:
        return self.call.deadline_us

    def receive(self, item: Input, now_us: int) -> list[Output]:
        if isinstance(item, stream.Media):
            return self._frame(item, now_us)
        if self.call.ended is None:
            self._record(item, now_us)
        outputs = self.call.receive(item, now_us)
        for output in outputs:
            self._recorder.output(now_us, output)
        if self._recorder.follow(self.call, now_us):
            self.began_us = now_us
        self._writer.look(now_us)
        return outputs

    def _frame(self, frame: stream.Media, now_us: int) -> list[Output]:
        outputs = self.call.receive(frame, now_us)
        if self.call.ended is None:
            self._recorder.frame(now_us, _encode(frame), frame, outputs)
        self._writer.look(now_us)
        return outputs

    def _record(self, item: Input, now_us: int) -> None:
        if isinstance(item, stream.Inbound):
            self._recorder.input(now_us, "phone>bot", _encode(item))
        elif isinstance(item, Note):
            self._recorder.input(now_us, "note", item)
        else:
            self._recorder.input(now_us, "model>bot", _encode(item))
