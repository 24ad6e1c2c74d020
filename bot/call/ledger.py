"""The playout ledger: what the caller has heard, item by item, at any moment.

Twilio buffers what we send and plays it at 8 bytes/ms, first in, first out; the model makes audio faster than that. The
ledger holds one Entry per (item id, content index) and one Run per stretch of playing without a pause. The line delays
media and `clear` alike, so our own clock is the estimate of where playout stands when a `clear` sent now takes effect.
Echoes of marks correct it for what we cannot see: a prebuffer at the phone, a stall of the line, clock drift.
(DESIGN, "What the caller heard"; twilio-voice.md, section 5.)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

BYTES_PER_MS = 8
US_PER_BYTE = 125
MARK_EVERY_BYTES = 8_000
"""One mark a second; the first two of a run come sooner, so that a prebuffer is known before it matters."""
FIRST_MARKS_BYTES = (2_000, 4_000)
EARLY_US = 30_000
"""An echo this much before its mark could have been played is jitter; earlier, it is not believed."""
DRIFT_PPM = 300
CONFIRM_WITHIN_US = 2_000_000
"""When no echo confirms the end, playout counts as over this long after the ledger's own end of it."""
SETTLED_BYTES = 4_000
REMEMBERED_RUNS = 3
MAX_ENTRIES = 64
"""Contents that are live at a time; a response has one or two."""
MAX_PARTS = 4_096
"""Changes from one entry to another within a run."""


@dataclass(slots=True, eq=False)
class Entry:
    """One audio content of one item. `received` is what the model made, `sent` what the transport was handed."""

    item_id: str
    content_index: int
    response_id: str
    received: int = 0
    sent: int = 0
    heard: int = 0
    done: bool = False
    """The model has said that no more audio comes."""
    item_done: bool = False
    """The item stands finished in the conversation, so it can be deleted."""
    aside: bool = False
    """No item of the conversation stands for it: it is cleared like all audio, and the model is told nothing of it."""
    first_run: Run | None = None
    first_at: int = 0
    """Where its first byte is played: the run, and the bytes before it there."""
    last_run: Run | None = None
    last_at: int = 0
    """Where its last byte so far has been played: the run, and the bytes up to it."""

    @property
    def finished(self) -> bool:
        """Whether every byte that will ever come has been heard."""
        return self.done and self.heard == self.sent == self.received

    @property
    def began_us(self) -> int | None:
        """When its first byte is played, by the clock as corrected so far; None when nothing was sent."""
        run = self.first_run
        if run is None:
            return None
        if not self.first_at and run.least_late_us is not None:
            return run.start_us + max(run.least_late_us, 0)  # what holds later echoes back more came after the start
        return run.at_us(self.first_at)

    @property
    def ended_us(self) -> int | None:
        """When the last byte sent of it will have been played, by the clock as corrected so far."""
        return None if self.last_run is None else self.last_run.at_us(self.last_at)

    def over_by(self, now_us: int) -> bool:
        """Whether it has been heard to its end by then, by the clock as corrected so far. Claims nothing as heard."""
        ended_us = self.ended_us
        return self.done and self.sent == self.received and ended_us is not None and ended_us <= now_us

    def proven_by(self, now_us: int) -> bool:
        """Whether it was certainly heard to its end: a mark says so, or none has come long after that was due."""
        if self.last_run is None or not self.over_by(now_us):
            return False
        return self.last_run.proven >= self.last_at or self.over_by(now_us - CONFIRM_WITHIN_US)

    @property
    def begun(self) -> bool:
        """Whether a mark that came back proves that its first byte was played."""
        return self.first_run is not None and self.first_run.proven > self.first_at


@dataclass(slots=True, eq=False)
class Run:
    """A stretch of playing without a pause: from `start_us`, `size` bytes, the clock set back by `offset_us`."""

    start_us: int
    offset_us: int
    size: int = 0
    parts: list[tuple[Entry, int]] = field(default_factory=list)
    lateness_us: int | None = None
    least_late_us: int | None = None
    proven: int = 0
    """Bytes that a mark which came back says were played."""

    def add(self, entry: Entry, n_bytes: int) -> None:
        if self.parts and self.parts[-1][0] is entry:
            n_before = self.parts.pop()[1]
            self.parts.append((entry, n_before + n_bytes))
        else:
            self.parts.append((entry, n_bytes))
        self.size += n_bytes

    @property
    def end_us(self) -> int:
        return self.at_us(self.size)

    def at_us(self, position: int) -> int:
        """When the first `position` bytes have been played."""
        return self.start_us + self.offset_us + position * US_PER_BYTE

    def position(self, now_us: int) -> int:
        return min(max((now_us - self.start_us - self.offset_us) // US_PER_BYTE, 0), self.size)


@dataclass(slots=True, eq=False)
class Mark:
    """A mark that has not come back. `position` is the number of bytes before it in `run`."""

    name: str
    run: Run
    position: int
    sent_us: int
    on_empty: bool


class Ledger:
    """All times are the call's integer microseconds. Bytes are mu-law, 8 to the millisecond."""

    def __init__(self) -> None:
        self.epoch = 0
        self.early_echoes = 0
        self.dead_echoes = 0
        self.unconfirmed_ends = 0
        self.round_trip_us: int | None = None
        self._entries: list[Entry] = []
        self._run: Run | None = None
        self._marks: deque[Mark] = deque()
        self._dead: dict[str, int] = {}
        self._mark_number = 0
        self._marked_at = 0
        self._marks_in_run = 0
        self._claimed = 0
        self._unconfirmed = False
        self._start_delays: deque[int] = deque(maxlen=REMEMBERED_RUNS)

    # ---- what was sent ----

    def entry(self, item_id: str, content_index: int, response_id: str) -> Entry:
        """The entry of an item's audio, made on first use."""
        for entry in self._entries:
            if entry.item_id == item_id and entry.content_index == content_index:
                return entry
        entry = Entry(item_id, content_index, response_id)
        self._entries.append(entry)
        return entry

    def has_room(self, item_id: str, content_index: int) -> bool:
        """Whether audio of this content can be accounted for: a model that jumps between many is not followed."""
        run = self._run
        if run is not None and len(run.parts) >= MAX_PARTS:
            return False
        if len(self._entries) < MAX_ENTRIES:
            return True
        return any(entry.content_index == content_index for entry in self.find(item_id))

    def ahead_bytes(self, now_us: int) -> int:
        """How much was sent and is still to be played, by the clock as corrected."""
        return 0 if self._run is None else self._run.size - self._run.position(now_us)

    def find(self, item_id: str) -> list[Entry]:
        """Every live entry of an item."""
        return [entry for entry in self._entries if entry.item_id == item_id]

    def of_response(self, response_id: str) -> list[Entry]:
        """Every live entry of a response."""
        return [entry for entry in self._entries if entry.response_id == response_id]

    def sent(self, entry: Entry, n_bytes: int, now_us: int) -> None:
        """`n_bytes` of `entry` were handed to the transport."""
        run = self._run
        if run is None or now_us > run.end_us:
            run = self._begin_run(now_us)
        if entry.first_run is None:
            entry.first_run, entry.first_at = run, run.size
        run.add(entry, n_bytes)
        entry.last_run, entry.last_at = run, run.size
        entry.sent += n_bytes
        self._unconfirmed = True

    def _begin_run(self, now_us: int) -> Run:
        if self._run is not None:
            self._settle(self._run)
        self._run = Run(now_us, min(self._start_delays, default=0))
        self._claimed = self._marked_at = self._marks_in_run = 0
        return self._run

    def _settle(self, run: Run) -> None:
        """The run has ended: all of it was heard, and its least lateness says how late playing starts here."""
        for entry, _ in run.parts:
            entry.heard = entry.sent
        self._entries = [entry for entry in self._entries if not entry.finished]
        self._learn_start_delay(run)

    def _learn_start_delay(self, run: Run) -> None:
        """A prebuffer holds every start back alike, a stall or drift only later echoes: keep the least."""
        if run.least_late_us is not None:
            self._start_delays.append(max(run.least_late_us, 0))

    # ---- marks ----

    def mark_before(self, now_us: int) -> str:
        """The name of the mark to set before the first media of an item."""
        return self._set_mark(now_us)

    def mark_after(self, now_us: int, *, at_end: bool = False) -> str | None:
        """The name of the mark that is due after what was sent; None when the last one is near enough."""
        run = self._run
        if run is None:
            return None
        since = run.size - self._marked_at
        if at_end:
            return self._set_mark(now_us) if since else None
        due = FIRST_MARKS_BYTES[self._marks_in_run] if self._marks_in_run < len(FIRST_MARKS_BYTES) else None
        if (due is not None and run.size >= due) or since >= MARK_EVERY_BYTES:
            self._marks_in_run += 1
            return self._set_mark(now_us)
        return None

    def _set_mark(self, now_us: int) -> str:
        run = self._run
        empty = not self.interruptible(now_us)
        if run is None or now_us > run.end_us:
            run = Run(now_us, 0)
        name = f"e{self.epoch}.{self._mark_number}"
        self._mark_number += 1
        self._marked_at = run.size
        self._marks.append(Mark(name, run, run.size, now_us, empty))
        return name

    def echo(self, name: str, now_us: int) -> bool:
        """A mark came back. False when it was not one of ours, or not of this epoch."""
        if name in self._dead:
            self._dead_echo(name, now_us)
            return False
        mark = next((mark for mark in self._marks if mark.name == name), None)
        if mark is None:
            return False
        while self._marks.popleft() is not mark:
            pass  # the line keeps order: an earlier one that did not come will not come
        if mark.on_empty:
            self._round_trip(now_us - mark.sent_us)
        else:
            self._correct(mark, now_us)
        return True

    def _round_trip(self, sample_us: int) -> None:
        if self.round_trip_us is None or sample_us < self.round_trip_us:
            self.round_trip_us = sample_us

    def _correct(self, mark: Mark, now_us: int) -> None:
        """Move the run's offset to the lower envelope of its echoes; up only by two late ones in a row."""
        run, position_us = mark.run, mark.position * US_PER_BYTE
        after_us = now_us - run.start_us - position_us
        drift_us = position_us * DRIFT_PPM // 1_000_000
        if after_us < -(EARLY_US + drift_us):
            self.early_echoes += 1
            return
        if self.round_trip_us is not None and after_us < self.round_trip_us - EARLY_US - drift_us:
            # Played and back in less than a round trip: the round trip was measured while something stood still.
            self.round_trip_us = max(after_us, 0)
        late_us = after_us - (self.round_trip_us or 0)
        if self.round_trip_us is not None:
            self._envelope(run, max(late_us, -drift_us))
        run.proven = mark.position
        if run is self._run and mark.position == run.size and not self._marks:
            self._unconfirmed = False

    def _envelope(self, run: Run, late_us: int) -> None:
        previous, run.lateness_us = run.lateness_us, late_us
        run.least_late_us = late_us if run.least_late_us is None else min(run.least_late_us, late_us)
        if late_us <= run.offset_us:
            run.offset_us = late_us
        elif previous is not None and previous > run.offset_us:
            run.offset_us = min(previous, late_us)
        self._follow(run)

    def _follow(self, run: Run) -> None:
        """An older run that ended late has pushed back the one behind it."""
        current = self._run
        if current is not None and current is not run and run.size:
            current.offset_us = max(current.offset_us, run.end_us - current.start_us)

    def _dead_echo(self, name: str, now_us: int) -> None:
        """An echo that only the `clear` can have caused is a round trip."""
        self.dead_echoes += 1
        cleared_us = self._dead.pop(name)
        if cleared_us:
            self._round_trip(now_us - cleared_us)

    # ---- what was heard ----

    def interruptible(self, now_us: int) -> bool:
        """Whether any byte was sent that is not known to have been played."""
        if not self._unconfirmed or self._run is None:
            return False
        if now_us < self._run.end_us + CONFIRM_WITHIN_US:
            return True
        self._unconfirmed = False
        self.unconfirmed_ends += 1
        return False

    def over_us(self) -> int | None:
        """When playout counts as over if no echo says so before; None when nothing is out."""
        return self._run.end_us + CONFIRM_WITHIN_US if self._unconfirmed and self._run is not None else None

    @property
    def late_us(self) -> int:
        """How much later than by our own clock the run at hand plays, as corrected; 0 when there is none."""
        return 0 if self._run is None else self._run.offset_us

    def end_us(self) -> int | None:
        """When the last byte sent will have been played, by the clock as corrected."""
        return None if self._run is None else self._run.end_us

    @property
    def last(self) -> Entry | None:
        """What was sent last; None when nothing was, or all of it was cleared."""
        return None if self._run is None else self._run.parts[-1][0]

    def heard(self, now_us: int) -> list[Entry]:
        """Every live entry in the order of playing, its `heard` brought up to `now_us`. Never runs backwards."""
        run = self._run
        if run is None:
            return list(self._entries)
        self._claimed = max(self._claimed, run.position(now_us))
        to_come = run.size - self._claimed
        for entry in {entry: None for entry, _ in run.parts}:
            entry.heard = entry.sent
        for entry, n_bytes in reversed(run.parts):
            unheard = min(n_bytes, to_come)
            entry.heard -= unheard
            to_come -= unheard
        return list(self._entries)

    def cut(self, now_us: int) -> list[Entry]:
        """A `clear` goes out now: the entries as heard, in order. A new epoch begins with nothing out."""
        entries = self.heard(now_us)
        wait_us = 2 * (self.round_trip_us if self.round_trip_us is not None else 500_000)
        for mark in self._marks:
            ahead = mark.run.size and mark.position - mark.run.position(now_us) >= SETTLED_BYTES
            self._dead[mark.name] = now_us if ahead and now_us - mark.sent_us > wait_us else 0
        while len(self._dead) > 256:  # echoes that never come must not add up
            del self._dead[next(iter(self._dead))]
        if self._run is not None:
            self._learn_start_delay(self._run)
        self._marks.clear()
        self._entries = []
        self._run = None
        self._unconfirmed = False
        self._mark_number = 0
        self.epoch += 1
        return entries
