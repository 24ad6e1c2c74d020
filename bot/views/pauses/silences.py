"""Pauses of more than a second in a call, and what was waited for meanwhile: why it was silent here.

Silent is when neither side is heard. A pause may have several parts, such as a tool and then the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from bot.audio.payload import US_PER_BYTE
from bot.views.timeline_parts import Cause, Event, Timeline, Wait

LONGER_THAN_US = 1_000_000
"""A pause as long as this is one that a caller notices."""
PART_US = 100_000
"""The shortest part of a pause that is told of."""
_NO_FRAMES = "no audio came from the phone"
_TURN_END = "the end of their turn"
_WORDS: dict[Cause, str] = {
    "model": "waiting for the model",
    "tool": "waiting for a tool",
    "caller": "waiting for the caller",
    "line": "the line",
}
_RANKS: dict[Cause, int] = {"line": 0, "tool": 1, "model": 2, "caller": 4}
_RANK_OF_MISSING = 3
"""A mute phone sends nothing: that counts only where nothing else was waited for."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a pause that has one cause. `what` says which tool, or more about the cause; it may be empty."""

    cause: Cause
    what: str
    from_us: int
    until_us: int

    @property
    def us(self) -> int:
        return self.until_us - self.from_us


@dataclass(frozen=True, slots=True)
class Silence:
    """A pause, and its parts in order."""

    from_us: int
    until_us: int
    parts: tuple[Part, ...]

    @property
    def cause(self) -> Cause:
        """The cause of most of it."""
        return max(self.parts, key=lambda part: part.us).cause

    @property
    def words(self) -> str:
        """The pause as a sentence, its parts in order."""
        told = [part for part in self.parts if part.us >= PART_US] or list(self.parts)
        parts = [f"{_WORDS[part.cause]}{f' ({part.what})' if part.what else ''}" for part in told]
        if len(told) > 1:
            parts = [f"{_seconds(part.us)} {words}" for part, words in zip(told, parts, strict=True)]
        return f"silent for {_seconds(self.until_us - self.from_us)}: {', then '.join(parts)}"


def silences(told: Timeline) -> list[Silence]:
    """Pauses of a call, in order."""
    waits = list(_ranked(told))
    sounds = [(0, 0), *_merged(_sounds(told)), (told.duration_us, told.duration_us)]
    return [
        Silence(from_us, until_us, tuple(_parts(from_us, until_us, waits)))
        for (_, from_us), (until_us, _) in pairwise(sounds)
        if until_us - from_us > LONGER_THAN_US
    ]


def silence_events(told: Timeline) -> list[Event]:
    """The pauses as lines of a timeline."""
    return [Event(one.from_us, "call", "silence", one.words) for one in silences(told)]


def _sounds(told: Timeline) -> Iterator[Span]:
    """Spans in which either side was heard: by the audio where it is known, else by the turns."""
    for turn in told.turns:
        if turn.who == "caller" or not told.pieces:
            until_us = turn.from_us if turn.until_us is None else turn.until_us
            yield turn.from_us, max(turn.from_us, min(until_us, turn.quiet_us or until_us))
    for piece in told.pieces:
        if piece.heard_bytes:
            yield piece.start_us, piece.heard_until_us


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for from_us, until_us in sorted(spans):
        if merged and from_us <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(until_us, merged[-1][1])
        else:
            merged.append((from_us, until_us))
    return merged


def _ranked(told: Timeline) -> Iterator[tuple[int, int, int, Wait]]:
    """Each wait with its rank, begin and end: of those at one time the first in rank is the cause.

    The line is away until the next stream of the call is waited for, whose fixture begins with that.
    """
    lines = sorted(wait.from_us for wait in told.waits if wait.cause == "line")
    for wait in told.waits:
        end_us = told.duration_us if wait.until_us is None else wait.until_us
        if wait.until_us is None and wait.cause == "line":
            end_us = next((us for us in lines if us > wait.from_us), end_us)
        yield _RANKS[wait.cause], wait.from_us, end_us, wait
    for turn in told.turns:
        if turn.quiet_us is not None and turn.until_us is not None:
            yield (
                _RANKS["caller"],
                turn.quiet_us,
                turn.until_us,
                Wait(turn.quiet_us, turn.until_us, "caller", _TURN_END),
            )
    ends = [(frame.at_us, frame.at_us + len(frame.audio) * US_PER_BYTE) for frame in told.frames]
    for (_, end_us), (begin_us, _) in pairwise(ends):
        if begin_us - end_us > PART_US:
            yield _RANK_OF_MISSING, end_us, begin_us, Wait(end_us, begin_us, "line", _NO_FRAMES)


def _parts(from_us: int, until_us: int, waits: list[tuple[int, int, int, Wait]]) -> Iterator[Part]:
    """The pause cut wherever a wait begins or ends; neighbours of one cause are one part."""
    during = [one for one in waits if one[1] < until_us and one[2] > from_us]
    edges = {from_us, until_us, *(us for _, begin_us, end_us, _ in during for us in (begin_us, end_us))}
    last: Part | None = None
    for begin_us, end_us in pairwise(sorted(us for us in edges if from_us <= us <= until_us)):
        here = [(rank, wait) for rank, since_us, to_us, wait in during if since_us <= begin_us and to_us >= end_us]
        wait = min(here, key=lambda one: one[0])[1] if here else Wait(begin_us, end_us, "caller")
        if last is not None and (last.cause, last.what) == (wait.cause, wait.what):
            last = Part(wait.cause, wait.what, last.from_us, end_us)
            continue
        if last is not None:
            yield last
        last = Part(wait.cause, wait.what, begin_us, end_us)
    if last is not None:
        yield last


def _seconds(us: int) -> str:
    return f"{us / 1e6:.1f} s"
