"""The parts of a timeline: what `timeline` makes of a fixture, and what the terminal and the page show of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.views.played import Mark, Piece

Side = Literal["caller", "bot", "phone", "model", "call"]
LatencyKind = Literal["first_audio", "answer", "silence"]
Cause = Literal["model", "tool", "caller", "line"]
"""What a call waits for."""


@dataclass(slots=True)
class Turn:
    """Words of one side. `text` is what was heard of them, `unheard_text` (an estimate) what a cut took away.

    Times are when the caller spoke, or when the bot was heard; `until_us` None: it had not ended when the file did.
    """

    who: Literal["caller", "bot"]
    item_id: str
    from_us: int
    until_us: int | None = None
    quiet_us: int | None = None
    """Moment at which the caller was silent by the model's own measure; it tells of it later."""
    text: str = ""
    unheard_text: str = ""
    received_ms: float = 0.0
    heard_ms: float = 0.0
    cut_us: int | None = None
    truncated_ms: int | None = None
    deleted: bool = False
    by_operator: bool = False
    """Said by an operator who had the call: nobody writes down their words, and a store has no turn of theirs."""

    @property
    def unheard_ms(self) -> float:
        return max(0.0, self.received_ms - self.heard_ms)


@dataclass(slots=True)
class Event:
    """One line of the call. `minor` ones are only for those who look for them."""

    us: int
    side: Side
    kind: str
    text: str
    minor: bool = False


@dataclass(frozen=True, slots=True)
class BargeIn:
    """`at_us`: when clear was sent; `speech_us`: when the model told of the speech that caused it, if it did."""

    at_us: int
    speech_us: int | None
    item_id: str
    heard_ms: float
    unheard_ms: float


@dataclass(frozen=True, slots=True)
class Latency:
    """first_audio: stream to first audio; answer: caller silent to first audio; silence: caller heard to clear."""

    kind: LatencyKind
    at_us: int
    took_us: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Audio of the caller, placed on the call's clock by the stream's own timestamps."""

    at_us: int
    audio: bytes


@dataclass(slots=True)
class Wait:
    """A stretch in which something was waited for; `until_us` None: to the end. `what` says more, or nothing."""

    from_us: int
    until_us: int | None
    cause: Cause
    what: str = ""


@dataclass(slots=True)
class Timeline:
    """`turns` and `events` are in the order of their times, which are microseconds of the call's own clock."""

    path: str
    date: str
    call_sid: str
    duration_us: int
    ended: str
    truncated: bool
    turns: list[Turn] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    barge_ins: list[BargeIn] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
