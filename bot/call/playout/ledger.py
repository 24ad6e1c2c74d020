"""The playout ledger: what the caller has heard, item by item, at any moment.

Twilio buffers what we send and plays it at 8 bytes/ms, first in, first out; the model makes audio faster than that. The
ledger holds one Entry per (item id, content index) and one Run per stretch of playing without a pause. How late a run
plays by our clock is estimated from the marks that come back (bot.call.playout.playout_estimate).

Two questions. *Has the bot the floor*: until the last mark is back, or 2 s after the end by the clock. *May something
still be heard*: until the last mark is back. A line that has stalled plays it later, and the caller may cut it short.
Only where marks do not come back is the clock all there is. The line also keeps order: while later things come from
the phone, a mark that does not has not been reached, and two that are overdue mean that playing stands still before
the first. (how-it-works ledger 1 and 2; twilio-voice 5.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from bot.audio.payload import US_PER_BYTE
from bot.call.playout.playout_estimate import Hold, RoundTrip, StartHold

MARK_EVERY_BYTES = 1_600
"""A mark every 200 ms: what is seen of a change of level is seen twice within half a second."""
EARLY_US = 30_000
"""An echo this much before its mark could have been played is jitter; earlier, it is not believed."""
DRIFT_PPM = 300
CONFIRM_WITHIN_US = 2_000_000
"""Time from the ledger's own end of playing to the end of the bot's floor, if no echo confirms the end."""
STALLED_US = 30_000_000
"""A line that stood still for longer does not come back: the socket's own pings give it up before."""
PROBE_EVERY_US = 50_000
PROBES_AHEAD = 6
"""Marks on an empty buffer that are out at a time: a round trip of 300 ms and its spread."""
ENOUGH_ROUND_TRIPS = 32
ASKED_AT_FIRST_US = 500_000
"""From the beginning of a stream to the first word of a greeting that is ready."""
NEWS_US = 20_000
"""By how much the end of playing may move before those who wait for it are told."""
CAUSED_BYTES = 800
"""A mark so far ahead of the play head comes back only because of the `clear`."""
MAX_ENTRIES = 64
"""Contents that are live at a time; a response has one or two."""
MAX_PARTS = 4_096
"""Changes from one entry to another within a run."""
MAX_RUNS = 256
"""Runs that may still be heard. A delta a run, they are half a minute of audio made as slowly as it plays."""


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
    """Place of its first byte: the run, and the bytes before it there."""
    last_run: Run | None = None
    last_at: int = 0
    """Place of its last byte so far: the run, and the bytes up to it."""

    @property
    def finished(self) -> bool:
        """True if every byte that will ever come has been heard."""
        return self.done and self.heard == self.sent == self.received

    @property
    def began_us(self) -> int | None:
        """Moment at which its first byte is played, by the clock as corrected so far; None when nothing was sent."""
        run = self.first_run
        if run is None:
            return None
        if not self.first_at:
            return run.start_us + max(run.hold.at_start_us, 0)  # what holds later echoes back more came after the start
        return run.at_us(self.first_at)

    @property
    def ended_us(self) -> int | None:
        """Moment at which the last byte sent of it will have been played, by the clock as corrected so far."""
        return None if self.last_run is None else self.last_run.at_us(self.last_at)

    def over_by(self, now_us: int) -> bool:
        """True if it has been heard to its end by then, by the clock as corrected so far. Claims nothing as heard."""
        ended_us = self.ended_us
        return self.done and self.sent == self.received and ended_us is not None and ended_us <= now_us

    @property
    def begun(self) -> bool:
        """True if a mark that came back proves that its first byte was played."""
        return self.first_run is not None and self.first_run.proven > self.first_at

    @property
    def proven(self) -> bool:
        """True if a mark that came back proves that all that was sent of it was played."""
        return self.last_run is not None and self.last_run.proven >= self.last_at


@dataclass(slots=True, eq=False)
class Run:
    """A stretch of playing without a pause: from `start_us`, `size` bytes, as much later as it is held back."""

    start_us: int
    hold: Hold
    size: int = 0
    parts: list[tuple[Entry, int]] = field(default_factory=list)
    proven: int = 0
    """Bytes that a mark which came back says were played."""
    claimed: int = 0
    """Bytes that were said to have been heard."""

    def add(self, entry: Entry, n_bytes: int) -> None:
        if self.parts and self.parts[-1][0] is entry:
            n_before = self.parts.pop()[1]
            self.parts.append((entry, n_before + n_bytes))
        else:
            self.parts.append((entry, n_bytes))
        self.size += n_bytes

    @property
    def end_us(self) -> int:
        return self.start_us + self.hold.us + self.size * US_PER_BYTE

    def at_us(self, position: int) -> int:
        """Moment at which the first `position` bytes have been played."""
        return self.start_us + self.hold.us + position * US_PER_BYTE

    def position(self, now_us: int, late_us: int) -> int:
        """The bytes played by then, if it plays so much late."""
        return min(max((now_us - self.start_us - late_us) // US_PER_BYTE, 0), self.size)


@dataclass(slots=True, eq=False)
class Mark:
    """A mark that has not come back; `position` bytes stand before it in `run`, None where the buffer was empty."""

    name: str
    run: Run | None
    position: int
    sent_us: int


class Ledger:
    """All times are the call's integer microseconds. Bytes are mu-law, 8 to the millisecond."""

    def __init__(self) -> None:
        self.epoch = 0
        self.early_echoes = 0
        self.dead_echoes = 0
        self.unconfirmed_ends = 0
        self.echoes = False
        """True while marks come back on this line, so that one which does not tells something."""
        self.ask_until_us = 0
        """Until then a phone is asked for the round trip that has sent no mark back."""
        self.round_trip = RoundTrip()
        self.news = False
        """True if something had begun by the last echo, or was over: else it told of nothing but the clock."""
        self.late_us = 0
        """The time by which, against our own clock, the last run plays, or had played when it was cut."""
        self._starts = StartHold()
        self._entries: list[Entry] = []
        self._runs: list[Run] = []
        """Those of which something may still be heard, and the last one, oldest first."""
        self._marks: list[Mark] = []
        self._probes = 0
        """Number of marks on an empty buffer among those that are out."""
        self._dead: dict[str, int] = {}
        self._mark_number = 0
        self._marked_us = 0
        self._unmarked = 0
        """Bytes sent since the last mark."""
        self._out = False
        """True if a byte was sent that is not known to have been played."""
        self._given_up = False
        """True if the floor has ended without it."""

    # ---- what was sent ----

    def entry(self, item_id: str, content_index: int, response_id: str) -> Entry:
        """The entry of an item's audio, made on first use."""
        for entry in self._entries:
            if entry.item_id == item_id and entry.content_index == content_index:
                return entry
        entry = Entry(item_id, content_index, response_id)
        self._entries.append(entry)
        return entry

    def content(self, item_id: str, told: int) -> int:
        """The content that audio or words of an item belong to: one is over before the next begins."""
        last = None
        for entry in self._entries:
            if entry.item_id == item_id:
                if entry.content_index == told:
                    return told
                last = entry
        return told if last is None or last.done else last.content_index

    def has_room(self, item_id: str, content_index: int) -> bool:
        """True if audio of this content can be accounted for: a model that jumps between many is not followed."""
        if self._runs and len(self._runs[-1].parts) >= MAX_PARTS:
            return False
        if len(self._entries) < MAX_ENTRIES:
            return True
        return any(entry.content_index == content_index for entry in self.find(item_id))

    def ahead_bytes(self, now_us: int) -> int:
        """Bytes that were sent and are still to be played, by the clock as corrected."""
        return sum([run.size - run.position(now_us, run.hold.us) for run in self._runs])

    def find(self, item_id: str) -> list[Entry]:
        """Every live entry of an item."""
        return [entry for entry in self._entries if entry.item_id == item_id]

    def of_response(self, response_id: str) -> list[Entry]:
        """Every live entry of a response."""
        return [entry for entry in self._entries if entry.response_id == response_id]

    def sent(self, entry: Entry, n_bytes: int, now_us: int) -> None:
        """`n_bytes` of `entry` were handed to the transport."""
        run = self._begin_run(now_us) if self._begins(now_us) else self._runs[-1]
        if entry.first_run is None:
            entry.first_run, entry.first_at = run, run.size
        run.add(entry, n_bytes)
        entry.last_run, entry.last_at = run, run.size
        entry.sent += n_bytes
        self._unmarked += n_bytes
        self._out, self._given_up = True, False

    def begins_late(self, now_us: int) -> bool:
        """True if what is sent now begins another stretch, which is held back as others were."""
        return self._begins(now_us) and self._expected()[0] > 0

    def _begins(self, now_us: int) -> bool:
        return not self._out or now_us > self._runs[-1].end_us

    def _expected(self) -> tuple[int, int]:
        return self._starts.expected(self.round_trip, [run.hold for run in self._runs])

    def _begin_run(self, now_us: int) -> Run:
        self._prune(now_us)
        run = Run(now_us, Hold(*self._expected()))
        self._runs.append(run)
        self.late_us = run.hold.us
        return run

    def _prune(self, now_us: int) -> None:
        """Leave the runs that were heard: all of their marks are back, or none will come."""
        kept = [run for run in self._runs if run.proven < run.size and not self._certain(run.end_us, now_us, 0)]
        for run in self._runs:
            if run not in kept[-MAX_RUNS:]:
                self._starts.learn(run.hold)
                for entry in [entry for entry, _ in run.parts if entry.last_run is run]:
                    entry.heard = entry.sent
        self._runs = kept[-MAX_RUNS:]
        self._entries = [entry for entry in self._entries if not entry.finished]

    def _certain(self, ended_us: int, now_us: int, confirm_us: int) -> bool:
        """True if what ended by the clock then has surely ended, though no mark says so."""
        return now_us - ended_us >= (STALLED_US if self.echoes else confirm_us)

    # ---- marks ----

    def mark_after(self, now_us: int, *, at_end: bool = False) -> str | None:
        """The name of the mark that is due after what was sent; None when the last one is near enough."""
        return self.set_mark(now_us) if self._unmarked >= (1 if at_end else MARK_EVERY_BYTES) else None

    def probe_us(self, now_us: int) -> int | None:
        """Moment of the next mark on the empty buffer, for the round trip alone; None: not empty, or enough is known.

        A phone is asked as its stream begins, and again only if marks come back.
        """
        if self._out or self._probes >= PROBES_AHEAD or self.round_trip.known >= ENOUGH_ROUND_TRIPS:
            return None
        return self._marked_us + PROBE_EVERY_US if self.echoes or now_us < self.ask_until_us else None

    def set_mark(self, now_us: int, *, early: bool = False) -> str:
        """The name of a mark that is set now: before the first media of an item, or on the empty buffer.

        `early`: between two that are due, which puts the next one off by nothing.
        """
        run = self._runs[-1] if self._out else None
        name = f"e{self.epoch}.{self._mark_number}"
        self._mark_number += 1
        self._marked_us = now_us
        if not early:
            self._unmarked = 0
        self._probes += run is None
        self._marks.append(Mark(name, run, 0 if run is None else run.size, now_us))
        return name

    def echo(self, name: str, now_us: int) -> bool:
        """A mark came back. False when it was not one of ours, or not of this epoch."""
        self.news = False
        if name in self._dead:
            self._dead_echo(name, now_us)
            return False
        mark = self._marks[0] if self._marks and self._marks[0].name == name else None
        mark = mark or next((mark for mark in self._marks if mark.name == name), None)
        if mark is None:
            return False
        if mark is not self._marks[0]:  # the line keeps order: an earlier one that did not come will not come
            self.echoes = False
        while self._take_mark() is not mark:
            pass
        if mark.run is None:
            self.round_trip.add(now_us - mark.sent_us)
        else:
            self._played(mark, mark.run, now_us)
        return True

    def _take_mark(self) -> Mark:
        mark = self._marks.pop(0)
        self._probes -= mark.run is None
        return mark

    def _played(self, mark: Mark, run: Run, now_us: int) -> None:
        after_us = now_us - run.start_us - mark.position * US_PER_BYTE
        if after_us < -EARLY_US - mark.position * US_PER_BYTE * DRIFT_PPM // 1_000_000:
            self.early_echoes += 1
            self.echoes = False
            return
        self.echoes = True
        end_us, inside = run.end_us, len(run.parts) == 1 and run.proven > 0 and mark.position < run.size
        if mark.sent_us <= run.at_us(mark.position):
            run.hold.add(after_us, mark.position * US_PER_BYTE, self.round_trip)
        run.proven = mark.position
        if run is self._runs[-1]:
            self.late_us = run.hold.us if run.hold.seen else run.hold.at_start_us
        else:
            self._follow(run)
        if run is self._runs[-1] and mark.position == run.size:
            self._out = False
        self.news = not inside or self._given_up or abs(run.end_us - end_us) > NEWS_US
        if now_us < run.end_us + CONFIRM_WITHIN_US:
            self._given_up = False

    def _follow(self, run: Run) -> None:
        """Count what is before `run` as played, and let what is behind it begin no sooner than it ends."""
        at = self._runs.index(run) if run in self._runs else -1
        for before in self._runs[: max(at, 0)]:
            before.proven = before.size
        for earlier, later in pairwise([run, *self._runs[at + 1 :]]):
            later.hold.expect(max(later.hold.us, earlier.end_us - later.start_us))

    def _dead_echo(self, name: str, now_us: int) -> None:
        """An echo that only the `clear` can have caused is a round trip."""
        self.dead_echoes += 1
        cleared_us = self._dead.pop(name)
        if cleared_us:
            self.echoes = True
            self.round_trip.add(now_us - cleared_us)

    # ---- what was heard ----

    def interruptible(self, now_us: int) -> bool:
        """True if any byte was sent that may still be heard: none is known to have been."""
        return self._out and not self._certain(self._runs[-1].end_us, now_us, CONFIRM_WITHIN_US)

    def playing(self, now_us: int) -> bool:
        """True if the bot has the floor by what was sent."""
        if not self._out or now_us < self._runs[-1].end_us + CONFIRM_WITHIN_US:
            return self._out
        if not self._given_up:
            self._given_up = True
            self.unconfirmed_ends += 1
        return False

    def over_us(self) -> int | None:
        """Moment at which the floor is given up if no echo says so before; None when it has been, or nothing is out."""
        return self._runs[-1].end_us + CONFIRM_WITHIN_US if self._out and not self._given_up else None

    def over(self, entry: Entry, now_us: int, *, confirm_us: int = 0) -> bool:
        """True if `entry` was heard to its end: a mark says so, or it ended so long ago and no mark will."""
        ended_us = entry.ended_us
        if ended_us is None or not entry.over_by(now_us):
            return False
        return entry.proven or self._certain(ended_us, now_us, confirm_us)

    def end_us(self) -> int | None:
        """Moment at which the last byte sent will have been played, by the clock as corrected."""
        return self._runs[-1].end_us if self._runs else None

    @property
    def last(self) -> Entry | None:
        """The entry that was sent last; None when nothing was, or all of it was cleared."""
        return self._runs[-1].parts[-1][0] if self._runs else None

    @property
    def sounds(self) -> bool:
        """The last that was sent is no filler, and is not known to have been heard."""
        return self._out and not self._runs[-1].parts[-1][0].aside

    def heard(self, now_us: int) -> list[Entry]:
        """Every live entry in the order of playing, its `heard` brought up to `now_us`. Never runs backwards."""
        for run, claimed in self._claims(now_us):
            run.claimed = claimed
        for entry, n_bytes in self._heard_bytes(now_us).items():
            entry.heard = n_bytes
        return list(self._entries)

    def heard_so_far(self, now_us: int) -> dict[Entry, int]:
        """Bytes heard of each entry by then, for somebody who watches: nothing changes by their asking."""
        return {entry: entry.heard for entry in self._entries} | self._heard_bytes(now_us)

    def _heard_bytes(self, now_us: int) -> dict[Entry, int]:
        """Bytes heard of the entries that stand in a run."""
        heard = {entry: entry.sent for run in self._runs for entry, _ in run.parts}
        for run, claimed in self._claims(now_us):
            to_come = run.size - claimed
            for entry, n_bytes in reversed(run.parts):
                unheard = min(n_bytes, to_come)
                heard[entry] -= unheard
                to_come -= unheard
        return heard

    def _claims(self, now_us: int) -> Iterator[tuple[Run, int]]:
        """Bytes of each run that were heard by then: none while one before it stands, and never fewer than before."""
        stands = False
        for run in self._runs:
            claimed = max(run.claimed, 0 if stands else self._position(run, now_us))
            stands = claimed < run.size
            yield run, claimed

    def _position(self, run: Run, now_us: int) -> int:
        """Bytes of `run` played: by the estimate, and by the marks that are overdue."""
        if run.proven == run.size:
            return run.size
        late_us = run.hold.us
        first, second = [*[mark for mark in self._marks if mark.run is run][:2], None, None][:2]
        if first is None or not self._overdue(first, run, now_us):
            return run.position(now_us, late_us)
        position = run.position(now_us, late_us if run.hold.odd_us is None else run.hold.odd_us)
        if second is not None and self._overdue(second, run, now_us):
            position = min(position, first.position)
        return position

    def _overdue(self, mark: Mark, run: Run, now_us: int) -> bool:
        due_us = max(run.at_us(mark.position), mark.sent_us) + self.round_trip.us
        told = self.echoes and self.round_trip.known > 0 and not self.round_trip.gathered
        return told and now_us > due_us + self.round_trip.far_us

    def cut(self, now_us: int) -> list[Entry]:
        """A `clear` goes out now: the entries as heard, in order. A new epoch begins with nothing out."""
        entries = self.heard(now_us)
        wait_us = 2 * self.round_trip.us
        caused = False
        for mark in self._marks:
            run = mark.run
            ahead = run is not None and not caused and mark.position - run.claimed >= CAUSED_BYTES
            caused = caused or ahead
            self._dead[mark.name] = now_us if ahead and now_us - mark.sent_us > wait_us else 0
        while len(self._dead) > 256:  # echoes that never come must not add up
            del self._dead[next(iter(self._dead))]
        self._leave(now_us)
        self._marks.clear()
        self._entries = []
        self._runs = []
        self._out, self._probes = False, 0
        self._mark_number = self._unmarked = 0
        self.epoch += 1
        return entries

    def _leave(self, now_us: int) -> None:
        """The runs are cut: what they told of the line is kept."""
        for run in self._runs:
            self._starts.learn(run.hold)
        playing = next((run for run in self._runs if run.claimed < run.size), None)
        if playing is not None:
            by_marks_us = now_us - playing.start_us - playing.claimed * US_PER_BYTE
            by_hold = playing.claimed == playing.position(now_us, playing.hold.us)
            self.late_us = playing.hold.us if by_hold else by_marks_us
        if self._out and now_us >= self._runs[-1].end_us + CONFIRM_WITHIN_US:
            self.echoes = False  # until one comes, were it for the `clear`
