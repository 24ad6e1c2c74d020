"""Writes calls as fixtures while they run. The call's path appends to a list; one thread does all the rest.

The thread looks at every open call about once a second, so a crash loses at most the last second. A disk that is full
or a directory that can't be written costs the recording and never the call: it is counted, and logged once per call.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from bot.call.notes import Note, Refused
from bot.call.settings import CallSettings
from bot.realtime.events import ClientEvent
from bot.records.fixture import SUFFIX, VERSION, Header, InputWay, Line, Way, encode_header, encode_line
from bot.records.masking import Masker
from bot.records.plain import plain_audio
from bot.twilio.stream import Clear, Outbound, PlayMedia, SetMark

FLUSH_S = 1.0
BATCH = 32
MAX_PENDING = 100_000
"""Messages of one call that wait for the disk, some 15 minutes of it: beyond that the recording is given up."""

_Raw = str | bytes | Outbound | ClientEvent | Note
_log = structlog.get_logger()


def fixture_path(directory: Path | str, call_sid: str, date: datetime | None = None) -> Path:
    """`<date>-<callsid>.call.jsonl` in `directory`, the date in UTC to the second."""
    stamp = (date or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = "".join(letter for letter in call_sid if letter.isascii() and letter.isalnum()) or "unknown"
    return Path(directory) / f"{stamp}-{name}{SUFFIX}"


class Recorder:
    """The recording of one call. Tell it each input, then at once what the call answered to it: their order is kept."""

    def __init__(
        self,
        settings: CallSettings,
        path: Path,
        masks: Iterable[str] = (),
        *,
        date: datetime | None = None,
        writer: Writer | None = None,
    ) -> None:
        """`masks`: secrets and names to hide. The file is made with the first write; `path` gets a number if taken."""
        self.path = path
        self.failed = False
        self._masker = Masker(masks)
        self._settings = settings
        self._date = (date or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        self._pending: deque[tuple[int, Way, int, _Raw]] = deque()
        self._file: BinaryIO | None = None
        self._done = threading.Event()
        self._writer = writer or process_writer()
        self._writer.add(self)

    def input(self, now_us: int, way: InputWay, message: str | bytes | Note, socket: int = 0) -> None:
        """What the call is about to be fed: the wire's text as it came (valid JSON), or a note."""
        if not self.failed:
            self._pending.append((now_us, way, socket, message))

    def output(self, now_us: int, message: Outbound | ClientEvent, socket: int = 0) -> None:
        """What the call sent in answer to the last input."""
        if not self.failed:
            way: Way = "bot>phone" if isinstance(message, PlayMedia | SetMark | Clear) else "bot>model"
            self._pending.append((now_us, way, socket, message))

    def close(self) -> None:
        """The call is over. Returns at once; `wait` tells when the file is complete."""
        self._writer.close_recorder(self)

    def wait(self, timeout_s: float) -> bool:
        """Whether the file was complete, or given up, within `timeout_s` of now; for those who read it next."""
        return self._done.wait(timeout_s)

    def write_pending(self) -> None:
        """Write what has come so far. Called by the writer's thread only; raises OSError."""
        waiting = len(self._pending)
        if waiting > MAX_PENDING:
            raise OSError(f"the disk is {waiting} messages behind")
        if self._file is None:
            self._file = self._open()
            self._file.write(encode_header(Header(VERSION, self._date, self._masker.settings(self._settings))))
        for first in range(0, waiting, BATCH):
            batch = [self._row(*self._pending.popleft()) for _ in range(min(BATCH, waiting - first))]
            self._file.write(b"".join(batch))
            time.sleep(0)  # hand the interpreter back: a call never waits for more than a batch
        self._file.flush()

    def finish(self) -> None:
        """Close the file. Called by the writer's thread only."""
        try:
            if self._file is not None:
                self._file.close()
        finally:
            self._done.set()

    def give_up(self) -> None:
        """Keep nothing more of this call. Called by the writer's thread only."""
        self.failed = True
        self._pending.clear()

    def _open(self) -> BinaryIO:
        """A new file that only its owner can read: voices are in it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        stem = self.path.name.removesuffix(SUFFIX)
        for attempt in range(1, 100):
            path = self.path if attempt == 1 else self.path.with_name(f"{stem}-{attempt}{SUFFIX}")
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            self.path = path
            return os.fdopen(handle, "wb")
        raise FileExistsError(f"{self.path} and 98 like it exist")

    def _row(self, us: int, way: Way, socket: int, raw: _Raw) -> bytes:
        """The line of the file. Audio, which is nearly all of it, holds nothing to mask and goes in as it came."""
        audio = plain_audio(raw)
        if audio is not None:
            return b'{"us":%d,"way":"%s","message":%s,"socket":%d}\n' % (us, way.encode(), audio, socket)
        return encode_line(self._line(us, way, socket, raw))

    def _line(self, us: int, way: Way, socket: int, raw: _Raw) -> Line:
        try:
            message = msgspec.json.decode(raw) if isinstance(raw, str | bytes) else msgspec.to_builtins(raw)
            text = msgspec.json.encode(self._masker.message(message))
        except (ValueError, RecursionError):
            # Nested too deep to be walked: what can't be masked is not kept, but its place in the order is.
            refused = Refused("phone>bot" if way == "phone>bot" else "model>bot", "unrecordable")
            return Line(us, "note", msgspec.Raw(msgspec.json.encode(refused)), socket)
        return Line(us, way, msgspec.Raw(text), socket)


class Writer:
    """The thread that writes every recording of this process. `failures` counts recordings that were given up."""

    def __init__(self, *, flush_s: float = FLUSH_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures = 0
        self._flush_s = flush_s
        self._clock = clock
        self._orders: queue.SimpleQueue[tuple[str, Recorder | None]] = queue.SimpleQueue()
        self._open: set[Recorder] = set()
        self._thread = threading.Thread(target=self._run, name="fixtures", daemon=True)
        self._thread.start()

    def add(self, recorder: Recorder) -> None:
        """Look after `recorder` until it is closed."""
        self._orders.put(("open", recorder))

    def close_recorder(self, recorder: Recorder) -> None:
        """Write the rest of `recorder` and close its file."""
        self._orders.put(("close", recorder))

    def stop(self) -> None:
        """Write everything, close every file, end the thread, and wait for it."""
        self._orders.put(("stop", None))
        self._thread.join()

    def _run(self) -> None:
        due = self._clock() + self._flush_s
        while True:
            try:
                order, recorder = self._orders.get(timeout=max(0.0, due - self._clock()))
            except queue.Empty:
                due = self._clock() + self._flush_s
                for open_one in self._open:
                    self._write(open_one)
                continue
            if recorder is None:
                break
            if order == "open":
                self._open.add(recorder)
            else:
                self._close(recorder)
        while self._open:
            self._close(next(iter(self._open)))

    def _write(self, recorder: Recorder) -> None:
        if recorder.failed:
            return
        try:
            recorder.write_pending()
        except Exception as error:  # noqa: BLE001  this thread serves every call: one bad recording must not end it
            recorder.give_up()
            self.failures += 1
            _log.warning("recording_failed", path=str(recorder.path), error=str(error))

    def _close(self, recorder: Recorder) -> None:
        self._write(recorder)
        self._open.discard(recorder)
        try:
            recorder.finish()
        except OSError as error:
            _log.warning("recording_not_closed", path=str(recorder.path), error=str(error))


@cache
def process_writer() -> Writer:
    """The one writer of this process, started with the first recording and flushed when the process ends."""
    writer = Writer()
    atexit.register(writer.stop)
    return writer
