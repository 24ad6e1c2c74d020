"""The lateness of a phone that plays what we send, from the marks that come back.

The line delays media and `clear` alike, so our own clock tells what was heard at a `clear`, but for the jitter of a
stretch's first media and for what the phone or the line holds back. An echo comes later than by our clock by the round
trip, by that hold, and by the jitter of its own way back. So the estimate is a centre, not an edge:

- The round trip is the mean of the echoes of marks set on an empty buffer; their scatter is the line's own.
- The level is the mean of how late the echoes of a stretch come. Two late ones in a row that are alike are a new level:
  one alone was lost and sent again. An early one is believed at once: nothing makes an echo come too soon. Those that
  come together were held on their way back and tell nothing.
- The hold at a stretch's start is that level less the round trip, drawn towards what was expected, at first nothing,
  by how little the echoes prove, and how much the starts before it. From then on only changes of the level count, in
  which the round trip cancels out.

What remains is the journey of the `clear` itself, which nobody can know. Times are microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from statistics import fmean

WINDOW = 32
"""Echoes that a mean is made of. Of 32 round trips at +-10 ms it errs by 1.4 ms; twice as many gain 0.4 ms."""
UNKNOWN_US, UNKNOWN_ERROR_US = 120_000, 100_000
"""A round trip that was never measured: from 20 ms in a city to 300 ms across the world."""
LONGEST_US = 1_000_000
"""A longer round trip is none: something stood still. By satellite it is 600 ms."""
SPREAD_US, AS_IF = 10_000, 4
"""Mean deviation of round trips on a line of +-15 ms, which counts as if so many echoes had shown it. By that of +-10 a
first turn on a line of +-30 took jitter for changes of level, and erred more than the clock: p95 46 ms to its 44."""
FAR, LEAST_FAR_US = 3.5, 12_000
"""Spreads beyond which an echo is off. Round trips at +-J deviate by three at most."""
SURE = 3.0
"""Standard deviations of the noise within which a hold is what was expected: after one round trip, of 32 ms."""
TRIP_MOVES, LEVEL_MOVES = 4, 2
"""Echoes in a row, late and alike, that are another level. Round trips that wait for a stall to end are not alike."""
STARTS = 8
"""Starts that the next is expected to be like: their own jitter, of +-10 ms, makes their mean err by 2 ms."""
TOGETHER_US = 100_000
"""Marks that stand so far apart and come back within half of it came together: that much no jitter does."""
MOST_JITTER_US = 40_000
"""The spread of a line of +-60 ms. Echoes that scatter more are gathered somewhere, and say nothing of the media."""


class Level:
    """The mean of what has come since it last changed."""

    def __init__(self, moves: int) -> None:
        self.kept: list[int] = []
        self.odd: list[int] = []
        """The last values, as far as they were off and alike."""
        self._moves = moves

    @property
    def mean(self) -> float:
        return sum(self.kept) / len(self.kept)  # statistics.fmean takes three times as long

    def add(self, value: int, expected: float, far: float) -> bool:
        """Another value, where `expected` was. Whether it is another level, with those before it that are alike."""
        if abs(value - expected) <= far:
            self.kept = [*self.kept[1 - WINDOW :], value]
            self.odd = []
            return False
        self.odd = [*[one for one in self.odd if abs(one - value) <= far], value]
        if value > expected and len(self.odd) < self._moves:
            return False
        self.kept = self.odd[-WINDOW:]
        self.odd = []
        return True


class RoundTrip:
    """From a mark that is set on an empty buffer to its echo."""

    def __init__(self) -> None:
        self.us: float = UNKNOWN_US
        self.spread_us: float = SPREAD_US
        """Mean deviation of one round trip; also, nearly, the standard deviation of one way."""
        self._level = Level(TRIP_MOVES)
        self._n_deviations = AS_IF

    @property
    def known(self) -> int:
        """Number of echoes that have told of it."""
        return len(self._level.kept)

    @property
    def variance(self) -> float:
        """Of the mean."""
        known = len(self._level.kept)
        return 2 * self.spread_us**2 / known if known else UNKNOWN_ERROR_US**2

    @property
    def far_us(self) -> float:
        """By how much an echo may be off and yet tell nothing new."""
        return max(LEAST_FAR_US, FAR * self.spread_us) + 2 * sqrt(self.variance)

    def add(self, sample_us: int) -> None:
        if sample_us >= LONGEST_US:
            return
        far_us = self.far_us
        if self.known:
            self.deviate(abs(sample_us - self.us), far_us)
        self._level.add(sample_us, self.us if self.known else sample_us, far_us)
        self.us = self._level.mean

    @property
    def gathered(self) -> bool:
        """True if echoes scatter more than any jitter makes them."""
        return self.spread_us > MOST_JITTER_US

    def deviate(self, by_us: float, most_us: float) -> None:
        """So much a round trip was off, or two echoes in a row differ: it is the jitter of two ways either way."""
        self._n_deviations = min(self._n_deviations + 1, 2 * WINDOW)
        self.spread_us += (min(by_us, most_us) - self.spread_us) / self._n_deviations


class Hold:
    """Delay of a stretch of audio against our clock. `expected_us`: as much as its like before, so many of them."""

    def __init__(self, expected_us: int, alike: int = 0) -> None:
        self.us = self.at_start_us = self._expected_us = expected_us
        """Now, and when the stretch began."""
        self._doubt = 1 + 1 / alike if alike else 1
        """Variance of its start against what was expected, in that of one start's jitter."""
        self.odd_us: int | None = None
        """What the last echo alone would say, if it was late and nothing like it had come before."""
        self.start_level_us: float | None = None
        """Lateness of the first echoes, the round trip included."""
        self._level = Level(LEVEL_MOVES)
        self._begins = True
        """True while it is still what it was at the start."""
        self._last = (0, 0)

    @property
    def seen(self) -> bool:
        """True once any echo has told of it."""
        return bool(self._level.kept)

    def expect(self, expected_us: int) -> None:
        """What is before it ends later than was thought."""
        if not self.seen:
            self.us = self.at_start_us = self._expected_us = expected_us

    def add(self, late_us: int, position_us: int, trip: RoundTrip) -> None:
        """The echo of the mark at `position_us` came so late."""
        (before_us, at_us), self._last, level = self._last, (late_us, position_us), self._level
        far_us = trip.far_us
        if at_us:
            trip.deviate(abs(late_us - before_us), far_us)
            if position_us - at_us >= TOGETHER_US and late_us - before_us < -(position_us - at_us) // 2:
                self._forget(before_us)
                return
        had_begun = self.seen
        zero_us = trip.us if self.start_level_us is None else self.start_level_us - self.at_start_us
        if level.add(late_us, zero_us + self.us, far_us):
            self._begins = self._begins and not had_begun
        alone_us = round(level.odd[-1] - zero_us) if level.odd else 0
        self.odd_us = alone_us if alone_us > self.us else None
        if not level.kept:
            self.at_start_us = max(alone_us, 0)  # until there is more to tell
            return
        mean_us = level.mean
        if self._begins or self.start_level_us is None:
            self.start_level_us = mean_us
            self.at_start_us = round(self._at_start(mean_us - trip.us, trip))
            self._begins = len(level.kept) < WINDOW
        self.us = self.at_start_us + round(mean_us - self.start_level_us)
        if trip.gathered and self.us < self._expected_us + LONGEST_US:
            self.us = self._expected_us

    def _forget(self, late_us: int) -> None:
        """That an echo came so late: the next came together with it."""
        level, self.odd_us = self._level, None
        level.odd = []
        if self.start_level_us is None:
            self.at_start_us = self.us
        if level.kept and level.kept[-1] == late_us:
            level.kept.pop()

    def _at_start(self, hold_us: float, trip: RoundTrip) -> float:
        """By the echoes; within the noise drawn towards what was expected, by how little they prove."""
        start = trip.spread_us**2 / 2 * self._doubt
        noise = trip.variance + trip.spread_us**2 / len(self._level.kept)
        off_us, sure_us = hold_us - self._expected_us, SURE * sqrt(start + noise)
        if hold_us < -sure_us:  # nothing plays before it is sent: it is the round trip that is wrong
            return 0
        return self._expected_us + off_us * (start / (start + noise) if abs(off_us) < sure_us else 1)


class StartHold:
    """Lateness of playing at its start: a prebuffer holds every start back alike, a stall or drift only some."""

    def __init__(self) -> None:
        self._last: list[float] = []
        """With the round trip, which may have been known less well at the time."""

    def learn(self, hold: Hold) -> None:
        """It is over."""
        if hold.start_level_us is not None:
            self._last = [*self._last, hold.start_level_us][-STARTS:]

    def expected(self, trip: RoundTrip, before: Iterable[Hold] = ()) -> tuple[int, int]:
        """The hold of a stretch that begins now, and the number of those which tell it; `before`: not known to be over.

        It is the least of the last, with those that agree with it; nothing, while it is within the noise.
        """
        shown = [hold.start_level_us for hold in before if hold.start_level_us is not None]
        levels = [*self._last, *shown][-STARTS:]
        least = min(levels, default=0.0)
        alike = [one for one in levels if one <= least + trip.far_us]
        hold_us = fmean(alike) - trip.us if alike else 0.0
        return (round(hold_us), len(alike)) if hold_us > trip.far_us else (0, 0)
