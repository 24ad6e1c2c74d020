"""Audio that the caller heard, by the arithmetic of the line: 8 bytes a millisecond, first in first out.

It knows no more than the recording: a phone that buffers ahead or stalls played a little later than is said here.
"""

from __future__ import annotations

import base64
from collections import deque
from dataclasses import dataclass, field

from bot.audio.payload import US_PER_BYTE


@dataclass(slots=True)
class Piece:
    """One media message on the line. It plays from `start_us`, would end at `end_us`, and stops there or at a clear."""

    item_id: str
    sent_us: int
    start_us: int
    audio: bytes
    cut_us: int | None = None

    @property
    def end_us(self) -> int:
        return self.start_us + len(self.audio) * US_PER_BYTE

    @property
    def heard_bytes(self) -> int:
        if self.cut_us is None:
            return len(self.audio)
        return min(len(self.audio), max(0, self.cut_us - self.start_us) // US_PER_BYTE)

    @property
    def heard_until_us(self) -> int:
        if self.cut_us is not None and self.cut_us <= self.start_us:
            return self.cut_us  # it was never reached
        return self.start_us + self.heard_bytes * US_PER_BYTE


def unheard_spans(pieces: list[Piece]) -> list[tuple[int, int]]:
    """Begin and end, by the call's clock, of what was sent of each piece and never heard; equal where all was.

    A span ends where the next thing was heard: the line had been emptied for it.
    """
    spans: list[tuple[int, int]] = []
    next_heard_us: int | None = None
    for piece in reversed(pieces):
        begin_us = max(piece.start_us, piece.heard_until_us)
        end_us = piece.end_us if next_heard_us is None else min(piece.end_us, next_heard_us)
        spans.append((min(begin_us, end_us), end_us) if piece.cut_us is not None else (begin_us, begin_us))
        next_heard_us = piece.start_us if piece.heard_bytes else next_heard_us
    return spans[::-1]


@dataclass(slots=True)
class Mark:
    """`due_us`: when everything before it has been played; `echoed_us` None when it never came back."""

    name: str
    sent_us: int
    due_us: int
    echoed_us: int | None = None


@dataclass(slots=True)
class Played:
    """Fed with what was recorded, in order: audio from the model, then what of it went out, and clears."""

    pieces: list[Piece] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    received: dict[str, int] = field(default_factory=dict)
    """Bytes of audio by item, sent or not."""
    of_item: dict[str, list[Piece]] = field(default_factory=dict)
    """The pieces of each item that went out."""
    _unsent: deque[tuple[str, str]] = field(default_factory=deque)
    _marks_out: list[Mark] = field(default_factory=list)
    _end_us: int = 0

    def from_model(self, item_id: str, payload: str) -> None:
        """Audio of `item_id` came from the model."""
        size = len(payload) * 3 // 4 - payload[-2:].count("=")
        self.received[item_id] = self.received.get(item_id, 0) + size
        self._unsent.append((item_id, payload))

    def media(self, us: int, payload: str) -> Piece:
        """Audio was handed to the phone."""
        piece = Piece(self._whose(payload), us, max(us, self._end_us), base64.b64decode(payload))
        self.pieces.append(piece)
        self.of_item.setdefault(piece.item_id, []).append(piece)
        self._end_us = piece.end_us
        return piece

    def mark(self, us: int, name: str) -> None:
        """A mark was sent after the audio so far."""
        mark = Mark(name, us, max(us, self._end_us))
        self.marks.append(mark)
        self._marks_out.append(mark)

    def echo(self, us: int, name: str) -> Mark | None:
        """A mark came back: the oldest of that name that is still out."""
        for mark in self._marks_out:
            if mark.name == name:
                mark.echoed_us = us
                self._marks_out.remove(mark)
                return mark
        return None

    def clear(self, us: int) -> list[Piece]:
        """The phone dropped what it had not played: those pieces, wholly or in part. What is unsent never follows."""
        dropped: list[Piece] = []
        for piece in reversed(self.pieces):
            if piece.end_us <= us or piece.cut_us is not None:
                break
            piece.cut_us = us
            dropped.append(piece)
        self._unsent.clear()
        self._end_us = us
        for mark in self._marks_out:
            mark.due_us = min(mark.due_us, us)
        return dropped[::-1]

    def heard(self, item_id: str) -> int:
        """Bytes of `item_id` that were played."""
        return sum(piece.heard_bytes for piece in self.of_item.get(item_id, ()))

    def _whose(self, payload: str) -> str:
        """The item that `payload` is of; deltas before it were dropped. A long delta goes out in parts."""
        for index, (item_id, unsent) in enumerate(self._unsent):
            if not unsent.startswith(payload):
                continue
            for _ in range(index + 1):
                self._unsent.popleft()
            if len(unsent) > len(payload):
                self._unsent.appendleft((item_id, unsent[len(payload) :]))
            return item_id
        return ""
