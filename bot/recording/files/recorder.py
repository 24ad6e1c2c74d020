"""Records a call while it runs, in one file or several. The call's path appends to a list; a thread does the rest."""

from __future__ import annotations

import threading
import time
from binascii import a2b_base64
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from bot.call.call import Call
from bot.call.inputs import Note
from bot.call.outputs import Output
from bot.recording.files.call_file import CallerFrame, CallFile, Row, Standing
from bot.recording.files.file_writer import Writer, process_writer
from bot.recording.files.new_file import FileKind
from bot.recording.files.plain_audio import frame_lines
from bot.recording.fixture import InputWay, Way
from bot.recording.told_outputs import TOLD
from bot.twilio.stream import Media, Outbound

BATCH = 128
"""Rows written at once: what a call has in half a second, so that mostly each file is written to once. While they are
encoded, for half a millisecond, no call is served.
"""
MAX_PENDING = 100_000
"""Messages of one call that wait for the disk, some 15 minutes of it: beyond that its files are given up."""

_WAYS: dict[type, Way] = {**dict.fromkeys(get_args(Outbound), "bot>phone"), **dict.fromkeys(TOLD, "told")}
"""Ways of outputs that are no message to the session."""


class Recorder:
    """The recording of one call. Tell it each input, then at once what the call answered to it: their order is kept."""

    def __init__(self, files: Sequence[CallFile], *, writer: Writer | None = None, call_sid: str = "") -> None:
        """Each of `files` is made with its first write. `call_sid` is for the log."""
        self.files = tuple(files)
        self._call_sid = call_sid
        self.failed = False
        """True once every file was given up."""
        self.stream = 0
        """Number of the phone's stream at hand, the first being 0."""
        self.on_made: Callable[[FileKind, Path], None] | None = None
        """Called in the writer's thread once for each file, when it is there. It must not fail."""
        self._told: set[Path] = set()
        self._alive = list(self.files)
        self._pending: deque[Row] = deque()
        self._standing = Standing()
        self._began = False
        """The caller may be recorded, or might be before the stream was left."""
        self._keeps_audio, self._keeps_lines = (self.of_kind(kind) is not None for kind in ("recording", "fixture"))
        self._done = threading.Event()
        self._writer = writer or process_writer()
        self._writer.add(self)

    # ---- in the call's thread ----

    def input(self, now_us: int, way: InputWay, message: str | bytes | Note, socket: int = 0) -> None:
        """Take what the call is about to be fed: the wire's text as it came (valid JSON), or a note."""
        if not self.failed:
            self._pending.append((now_us, way, message, self.stream if way == "phone>bot" else socket))

    def frame(self, now_us: int, text: bytes, frame: Media, passed: Sequence[Output], socket: int = 0) -> None:
        """A frame of the caller, its text as it came, and all that was passed on to the session because of it."""
        if self.failed:
            return
        media, lines = frame.media, b""
        heard = self._keeps_audio and frame.stream_sid == self._standing.stream_sid
        if self._keeps_lines and self._standing.hears_all:
            lines = frame_lines(now_us, text, passed, self.stream, socket)
        if lines or not self._keeps_lines:
            text, passed = b"", ()
        audio = a2b_base64(media.payload) if heard else b""
        self._pending.append(
            (now_us, "phone>bot", CallerFrame(media.timestamp, audio, lines, text, passed, self.stream), socket)
        )

    def output(self, now_us: int, output: Output, socket: int = 0) -> None:
        """Take what the call answered to the last input; `socket` is the session's."""
        if not self.failed:
            way = _WAYS.get(type(output), "bot>model")
            number = {"bot>model": socket, "bot>phone": self.stream}.get(way, 0)
            self._pending.append((now_us, way, output, number))

    def follow(self, call: Call, now_us: int) -> bool:
        """Look where the call stands after a step. Gives whether the caller may be recorded from here on.

        A frame of the caller moves nothing of it: no need to look after those.
        """
        before, now = self._standing, Standing.of(call)
        if now == before or self.failed:
            return False
        self._standing = now
        self._pending.append((now_us, "standing", now, 0))
        begins = now.recordable and not self._began
        self._began = self._began or begins
        return begins

    def close(self) -> None:
        """The call is over. Returns at once; `wait` tells when the files are complete."""
        self._writer.close(self)

    def wait(self, timeout_s: float) -> bool:
        """Wait up to `timeout_s` for the files; True once they are complete, or given up, and can be read."""
        return self._done.wait(timeout_s)

    def made(self) -> list[tuple[FileKind, Path]]:
        """The files there are by now, those that were given up included."""
        return [(file.kind, file.path) for file in self.files if file.made]

    def of_kind(self, kind: FileKind) -> CallFile | None:
        """The file of this kind, if one is kept."""
        return next((file for file in self.files if file.kind == kind), None)

    # ---- in the writer's thread ----

    def write_pending(self, *, over: bool = False) -> None:
        """Write what has come so far. `over`: no more will come."""
        waiting = len(self._pending)
        if waiting > MAX_PENDING:
            for file in tuple(self._alive):
                self._give_up(file, OSError(f"the disk is {waiting} messages behind"))
        for first in range(0, waiting, BATCH):
            batch = [self._pending.popleft() for _ in range(min(BATCH, waiting - first))] if self._alive else []
            for file in tuple(self._alive):
                self._try(file, partial(file.write, batch))
            if first + BATCH < waiting:
                time.sleep(0)  # hand the interpreter back: a call never waits for more than a batch
        for file in tuple(self._alive):
            self._try(file, partial(file.flush, over=over))
        self._tell_made()

    def finish(self) -> None:
        """Write the rest and close the files."""
        self.write_pending(over=True)
        for file in self.files:
            try:
                file.close()
            except Exception as error:  # noqa: BLE001  as below; and the other files are to be closed too
                self._writer.not_closed(file.path, error, self._call_sid)
        self._done.set()

    def _tell_made(self) -> None:
        if self.on_made is not None:
            for kind, path in self.made():
                if path not in self._told:
                    self._told.add(path)
                    self.on_made(kind, path)

    def _try(self, file: CallFile, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001  the thread serves every call: one bad file must not end it
            self._give_up(file, error)

    def _give_up(self, file: CallFile, error: Exception) -> None:
        self._alive.remove(file)
        self._writer.gave_up(file.path, error, self._call_sid)
        if not self._alive:
            self.failed = True
            self._pending.clear()
