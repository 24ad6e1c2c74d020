"""Interface of the files about a call: they are fed its messages in order, and where it stands, while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec

from bot.call.call import Call
from bot.call.inputs import Note
from bot.call.outputs import Output
from bot.recording.files.new_file import FileKind
from bot.recording.fixture import Way

Raw = str | bytes | Output | Note
"""An input's text as it came from the wire, a note, or what the call answered."""


class Standing(NamedTuple):
    """State of a call that decides how its messages are kept. It holds for the rows that follow it.

    `stream_sid` is empty before the stream has started; `announced` when there is nothing left to announce; `ready`
    once the session takes the caller's audio; `late_us` is the ledger's correction of when audio plays. `keys` decide
    something if one of them is pressed next: the call would go on otherwise after another.
    """

    stream_sid: str = ""
    announced: bool = False
    ready: bool = False
    late_us: int = 0
    keys: str = ""

    @classmethod
    def of(cls, call: Call) -> Standing:
        playout = call.playout
        return cls(playout.stream_sid, call.announced, call.uplink.ready, playout.ledger.late_us, call.deciding_keys)

    @property
    def recordable(self) -> bool:
        """True when the caller may be recorded: the stream runs, and they have heard what must be said before."""
        return self.announced and bool(self.stream_sid)

    @property
    def hears_all(self) -> bool:
        """True when the caller's audio is kept from here on, as it came and as it is passed on."""
        return self.announced and self.ready


class CallerFrame(msgspec.Struct, frozen=True, gc=False):
    """A frame of the caller and what it led to; the row's way is `phone>bot`, its socket the session's.

    There are fifty a second. What files need of it is made at once, while all of it is at hand: to look at it again
    half a second later costs twice as much, in an interpreter that calls wait for.
    """

    timestamp_ms: int
    audio: bytes
    """Mu-law; empty where no audio is kept or the frame is of another stream."""
    lines: bytes = b""
    """The rows as a fixture holds them; empty where they are to be made of the following."""
    text: bytes = b""
    passed: Sequence[Output] = ()
    stream: int = 0
    """Number of the stream that it came by."""


Row = tuple[int, Way | Literal["standing"], Raw | CallerFrame | Standing, int]
"""`us` after the call's origin; a message and its way, or where the call stands from here on; the socket's number."""


class CallFile(Protocol):
    """A file about one call. All methods are the writer's thread's, and may raise OSError."""

    @property
    def kind(self) -> FileKind: ...

    @property
    def path(self) -> Path:
        """Path of the file, now or later: with the first write it gets a number if the name is taken."""

    @property
    def made(self) -> bool:
        """True once there is a file."""

    def write(self, rows: Sequence[Row]) -> None:
        """The next rows, a few of them."""

    def flush(self, *, over: bool) -> None:
        """All rows so far have been written: hand them to the operating system. `over`: no more will come."""

    def close(self) -> None:
        """Close the file, if there is one."""
