"""What files about a call are fed with while it runs: its messages in feed order, and where it stands."""

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
    """What decides how a call's messages are kept, besides themselves. It holds for the rows that follow it.

    `stream_sid` is empty before the stream has started; `announced` when there is nothing left to announce; `ready`
    once the session takes the caller's audio; `late_us` is the ledger's correction of when audio plays.
    """

    stream_sid: str = ""
    announced: bool = False
    ready: bool = False
    late_us: int = 0

    @classmethod
    def of(cls, call: Call) -> Standing:
        speaking = call.speaking
        return cls(speaking.stream_sid, call.announced, call.uplink.ready, speaking.ledger.late_us)

    @property
    def recordable(self) -> bool:
        """Whether the caller may be recorded: the stream runs, and he has heard what must be said before."""
        return self.announced and bool(self.stream_sid)

    @property
    def hears_all(self) -> bool:
        """Whether the caller's audio is kept from here on, as it came and as it is passed on."""
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
    """What a fixture holds of it; else it is to be made of the following."""
    text: bytes = b""
    passed: Sequence[Output] = ()


Row = tuple[int, Way | Literal["standing"], Raw | CallerFrame | Standing, int]
"""`us` after the call's origin; a message and its way, or where the call stands from here on; the socket's number."""


class CallFile(Protocol):
    """A file about one call. All methods are the writer's thread's, and may raise OSError."""

    @property
    def kind(self) -> FileKind: ...

    @property
    def path(self) -> Path:
        """Where it is, or is to be: with its first write it gets a number if the name is taken."""

    @property
    def made(self) -> bool:
        """Whether there is a file by now."""

    def write(self, rows: Sequence[Row]) -> None:
        """The next rows, a few of them."""

    def flush(self, *, over: bool) -> None:
        """All rows so far have been written: hand them to the operating system. `over`: no more will come."""

    def close(self) -> None:
        """Close the file, if there is one."""
