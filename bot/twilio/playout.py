"""Playout of media, marks and clear by a phone (twilio-voice 5 "Semantics for a simulator").

A queue of bytes and marks that plays 1 byte each 125 us while it holds any, and stands still when it is dry: a gap is
heard as a gap and never caught up. Times are integer microseconds that the caller hands in and that never run back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.audio.payload import SILENCE_BYTE, US_PER_BYTE

MAX_BUFFERED_BYTES = 4_800_000
"""Ten minutes; what comes above it is discarded (31931)."""
_COST = US_PER_BYTE * 1_000_000
"""Time that one byte plays, in millionths of a microsecond of the phone's own clock: drift stays in whole numbers."""

Stall = tuple[int, int]
"""(from_us, for_us), in absolute time."""


class PlayClock:
    """Turns time into bytes played and back, exactly: the phone's clock may drift, and stands still in stalls."""

    def __init__(self, drift_ppm: int = 0, stalls: Iterable[Stall] = ()) -> None:
        self._rate = 1_000_000 + drift_ppm
        self._stalls = merged(stalls)
        self._starts = [from_us for from_us, _ in self._stalls]
        self._frozen_before: list[int] = [0]
        for from_us, until_us in self._stalls:
            self._frozen_before.append(self._frozen_before[-1] + until_us - from_us)

    def bytes_between(self, from_us: int, to_us: int) -> int:
        """Whole bytes played from `from_us` to `to_us`."""
        if to_us <= from_us:
            return 0
        return (self._running(to_us) - self._running(from_us)) * self._rate // _COST

    def after(self, from_us: int, n_bytes: int) -> int:
        """Time when the last of `n_bytes` has been played, if the first begins at `from_us`."""
        if n_bytes <= 0:
            return from_us
        if not self._stalls:
            return from_us - (-n_bytes * _COST // self._rate)
        target = self._running(from_us) - (-n_bytes * _COST // self._rate)
        at_us = target
        for (stall_from, stall_until), frozen in zip(self._stalls, self._frozen_before, strict=False):
            if stall_from - frozen >= target:
                break
            at_us = target + frozen + stall_until - stall_from
        return at_us

    def frozen_within(self, from_us: int, to_us: int) -> list[tuple[int, int]]:
        """The (from_us, until_us) stretches of stalls that begin inside [from_us, to_us)."""
        return [stall for stall in self._stalls if from_us <= stall[0] < to_us]

    def moves_from(self, at_us: int) -> int:
        """`at_us`, or the end of the stall that holds the play head then."""
        index = bisect_right(self._starts, at_us)
        return max(at_us, self._stalls[index - 1][1]) if index else at_us

    def _running(self, at_us: int) -> int:
        index = bisect_right(self._starts, at_us)
        if index == 0:
            return at_us
        return (
            at_us - self._frozen_before[index - 1] - (min(at_us, self._stalls[index - 1][1]) - self._starts[index - 1])
        )


def merged(stalls: Iterable[Stall]) -> list[tuple[int, int]]:
    """The stalls as (from_us, until_us), in order, overlapping ones made one."""
    apart: list[tuple[int, int]] = []
    for from_us, for_us in sorted(stalls):
        if for_us <= 0:
            continue
        if apart and from_us <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], from_us + for_us))
        else:
            apart.append((from_us, from_us + for_us))
    return apart


@dataclass(slots=True)
class Run:
    """Bytes played one after the other without running dry.

    `start_us` is when the first byte begins (unless a stall holds it), `end_us` when the last one is over, `first` the
    place of the first byte among all bytes accepted. The end moves while the run lasts; a clear cuts it and sets `cut`.
    """

    start_us: int
    end_us: int
    first: int
    n_bytes: int = 0
    cut: bool = False
    late_us: int = 0
    """Delay of its begin after its first media."""


class Message(NamedTuple):
    """One media message as accepted: `offset` bytes into its run, `n_bytes` long (without what was discarded)."""

    run: Run
    offset: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Span:
    """Audio that was heard from `at_us` on, without a gap."""

    at_us: int
    audio: bytes


class Playout:
    """The phone's buffer and its play head, with an exact record of what was heard and when.

    `prebuffer_us` delays each start from dry, `drift_ppm` makes the phone's clock fast or slow, `stalls` freeze the
    play head. `keep_audio` off keeps lengths only: then `spans` and `render` have nothing to show.
    """

    def __init__(
        self, *, prebuffer_us: int = 0, drift_ppm: int = 0, stalls: Sequence[Stall] = (), keep_audio: bool = True
    ) -> None:
        self.prebuffer_us = prebuffer_us
        self.clock = PlayClock(drift_ppm, stalls)
        self.runs: list[Run] = []
        self.messages: list[Message] = []
        self.discarded_bytes = 0
        self._audio = bytearray()
        self._taken = self._taken_us = 0
        self._keep_audio = keep_audio
        self._accepted = 0
        self._run: Run | None = None
        self._marks: deque[tuple[str, int]] = deque()

    @property
    def next_us(self) -> int | None:
        """Time when the next mark falls due; None when none is pending."""
        return self._marks[0][1] if self._marks else None

    @property
    def late_us(self) -> int:
        """Delay of the last run's begin after its first media."""
        return self.runs[-1].late_us if self.runs else 0

    @property
    def kept_bytes(self) -> int:
        """Audio in memory."""
        return len(self._audio)

    def media(self, audio: bytes, now_us: int) -> int:
        """Queue `audio`. Gives how many bytes of it were discarded, because the buffer was full."""
        run = self._running(now_us)
        kept = min(len(audio), MAX_BUFFERED_BYTES)
        if run is not None and run.n_bytes + kept > MAX_BUFFERED_BYTES:
            kept = min(kept, MAX_BUFFERED_BYTES - self._buffered(run, now_us))
        if run is None:
            start_us = now_us + self.prebuffer_us
            run = Run(start_us, start_us, self._accepted, late_us=self.prebuffer_us)
            if kept:
                self.runs.append(run)
                self._run = run
        self.messages.append(Message(run, run.n_bytes, kept))
        run.n_bytes += kept
        run.end_us = self.clock.after(run.start_us, run.n_bytes)
        self._accepted += kept
        if self._keep_audio:
            self._audio += audio[:kept]
        discarded = len(audio) - kept
        self.discarded_bytes += discarded
        return discarded

    def mark(self, name: str, now_us: int) -> None:
        """Queue a mark: due when every byte before it has been played, at once when nothing is buffered."""
        run = self._running(now_us)
        # Later media can't move it and only a clear can, which empties the queue: the time is final.
        self._marks.append((name, now_us if run is None else max(now_us, run.end_us)))

    def due(self, now_us: int) -> list[tuple[str, int]]:
        """Takes the marks that are due by `now_us`: (name, when it fell due), in order."""
        taken: list[tuple[str, int]] = []
        while self._marks and self._marks[0][1] <= now_us:
            taken.append(self._marks.popleft())
        return taken

    def clear(self, now_us: int) -> list[str]:
        """Drop what has not been played; gives the names of all marks not yet taken, in order: they are echoed now."""
        run = self._running(now_us)
        if run is not None and now_us < run.end_us:
            run.n_bytes = self.clock.bytes_between(run.start_us, now_us)
            run.end_us = max(run.start_us, now_us)
            run.cut = True
            if not run.n_bytes:
                self.runs.pop()
        self._run = None
        names = [name for name, _ in self._marks]
        self._marks.clear()
        return names

    def buffered_bytes(self, now_us: int) -> int:
        """Bytes accepted and not yet played."""
        return self._buffered(self._running(now_us), now_us)

    def silent_from_us(self, now_us: int) -> int | None:
        """Time when the queue will have been played, or when the last audio ended; None before any."""
        run = self._running(now_us)
        if run is None:
            run = self.runs[-1] if self.runs else None
        return None if run is None else run.end_us

    def heard_bytes(self, message: int, at_us: int) -> int:
        """Bytes of the media message number `message` (from 0) that had been played at `at_us`, now or before."""
        entry = self.messages[message]
        return max(0, min(entry.n_bytes, self._played(entry.run, at_us) - entry.offset))

    def heard_total_bytes(self, at_us: int) -> int:
        """All bytes that had been played at `at_us`, now or before."""
        return sum(self._played(run, at_us) for run in self.runs)

    def spans(self, until_us: int) -> Iterator[Span]:
        """Audio heard before `until_us`, in order: a new span after each gap, be it dry or stalled."""
        for run in self.runs:
            played = self._played(run, until_us)
            done = max(0, self._taken - run.first)
            begun_us = self.clock.moves_from(self.clock.after(run.start_us, done))
            for stall_from, stall_until in self.clock.frozen_within(run.start_us, run.end_us):
                upto = min(played, self.clock.bytes_between(run.start_us, stall_from))
                if upto > done:
                    yield self._span(begun_us, run.first + done, run.first + upto)
                begun_us, done = max(begun_us, stall_until), max(done, upto)
            if played > done:
                yield self._span(begun_us, run.first + done, run.first + played)

    def take(self, until_us: int) -> list[Span]:
        """Take the audio heard before `until_us`. It is forgotten, and the messages so far with it."""
        spans = list(self.spans(until_us))
        self.messages.clear()
        self._taken_us = max(self._taken_us, until_us)
        while self.runs and self.runs[0].end_us < until_us + self.runs[0].cut:  # one that is not cut may yet go on
            self.runs.pop(0)
        upto = self.runs[0].first + self._played(self.runs[0], until_us) if self.runs else self._accepted
        if upto > self._taken:
            del self._audio[: upto - self._taken]
            self._taken = upto
        return spans

    def put_off(self, late_us: int) -> None:
        """The last run turns out to play `late_us` behind its first media, not at once or as was thought before.

        What has been taken of it stays where it was; the rest moves, but to no time before the last take. A run that
        was cut is over and stays as it is.
        """
        if not self.runs or self.runs[-1].cut:
            return
        run = self.runs[-1]
        done = max(0, self._taken - run.first)
        if done >= run.n_bytes:
            return
        next_us = self.clock.after(run.start_us, done)
        start_us = max(next_us + late_us - run.late_us, self._taken_us)
        if start_us == next_us:
            return
        if done:
            rest = Run(next_us, run.end_us, self._taken, run.n_bytes - done, late_us=run.late_us)
            run.n_bytes, run.end_us = done, next_us
            self.runs.append(rest)
            run = rest
        run.late_us += start_us - next_us
        run.start_us = start_us
        run.end_us = self.clock.after(start_us, run.n_bytes)
        self._run = run

    def render(self, from_us: int, until_us: int) -> bytes:
        """Audio heard from `from_us` to `until_us` as one piece of mu-law at 8 bytes/ms, silence (0xFF) between.

        A span stands where it began; one pushed by a fast clock's longer predecessor follows it without overlap.
        """
        heard = bytearray()
        for span in self.spans(until_us):
            at = (span.at_us - from_us) // US_PER_BYTE
            heard += bytes((SILENCE_BYTE,)) * (at - len(heard))
            heard += span.audio[max(0, -at) :] if at < 0 else span.audio
        wanted = max(0, (until_us - from_us) // US_PER_BYTE)
        heard += bytes((SILENCE_BYTE,)) * (wanted - len(heard))
        return bytes(heard[:wanted])

    def _running(self, now_us: int) -> Run | None:
        """The run that holds the play head. One that ends this very instant still takes what comes: no gap is heard."""
        if self._run is not None and self._run.end_us < now_us:
            self._run = None
        return self._run

    def _buffered(self, run: Run | None, now_us: int) -> int:
        return 0 if run is None else run.n_bytes - self._played(run, now_us)

    def _played(self, run: Run, at_us: int) -> int:
        if at_us >= run.end_us:
            return run.n_bytes
        return min(run.n_bytes, self.clock.bytes_between(run.start_us, at_us))

    def _span(self, at_us: int, start: int, end: int) -> Span:
        return Span(at_us, bytes(self._audio[start - self._taken : end - self._taken]))
