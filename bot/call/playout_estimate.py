"""How late a phone plays what we send, from the marks that come back.

The line delays media and `clear` alike, so without marks our own clock tells what was heard at a `clear`; it errs by
the jitter of a stretch's first media and by what the phone or the line holds back. An echo tells both: its residual is
how much later it came than by our clock and the round trip. A single residual carries the jitter of its way back, so
the estimate is their centre, not an edge, which would err to one side:

- The round trip is the mean of the echoes of marks set on an empty buffer; their spread is the line's own.
- The hold is the mean of the residuals since it last changed. It has changed when two residuals in a row are off by
  more than the spread and agree with each other; one alone is a message lost and sent again.
- Until then the hold is what it was before, at first nothing: the mean counts against that by their variances.

What remains is the journey of the `clear` itself, which nobody can know. Times are microseconds.
"""

from __future__ import annotations

from collections import deque
from math import sqrt
from statistics import fmean

WINDOW = 32
"""Echoes that a centre is made of. Of 32 round trips at +-10 ms the mean errs by 1.4 ms; twice as many gain 0.4 ms."""
UNKNOWN_US, UNKNOWN_ERROR_US = 120_000, 100_000
"""A round trip that was never measured: from 20 ms in a city to 300 ms across the world."""
LONGEST_US = 1_000_000
"""A longer round trip is none: something stood still. By satellite it is 600 ms."""
SPREAD_US, LEAST_SPREAD_US = 6_000, 1_000
"""Median deviation of round trips on a line of +-10 ms: 5.9 ms. Assumed until FEW are known; the least believed."""
FEW = 4
FAR = 4
"""Spreads beyond which an echo is off: of round trips at +-J, none is (3.4 spreads are the most that they deviate)."""
LEAST_FAR_US = 12_000
MOST_JITTER_US = 20_000
"""The most by which media alone is thought to be off our clock; a spread above that comes of the echoes."""


class Centre:
    """The mean of what has come since the last change of level."""

    def __init__(self) -> None:
        self.kept: deque[int] = deque(maxlen=WINDOW)
        self.odd: int | None = None
        """The last value, if it was off."""

    def add(self, value: int, level: float, far: float) -> bool:
        """Another value, where `level` was expected. Whether it moves the level: the value before was off as much."""
        if abs(value - level) <= far:
            self.kept.append(value)
            self.odd = None
            return False
        moved = self.odd is not None and abs(value - self.odd) <= far
        if moved and self.odd is not None:
            self.restart(self.odd, value)
        else:
            self.odd = value
        return moved

    def restart(self, *values: int) -> None:
        """The level has changed: these alone are of the new one."""
        self.kept.clear()
        self.kept.extend(values)
        self.odd = None

    @property
    def mean(self) -> float:
        return fmean(self.kept)


class RoundTrip:
    """From a mark that is set on an empty buffer to its echo."""

    def __init__(self) -> None:
        self.us: float = UNKNOWN_US
        self.spread_us = SPREAD_US
        """Of one round trip; also, nearly, the standard deviation of one way."""
        self.variance = float(UNKNOWN_ERROR_US**2)
        """Of the mean."""
        self._centre = Centre()

    @property
    def known(self) -> int:
        """How many echoes it is the mean of."""
        return len(self._centre.kept)

    @property
    def far_us(self) -> float:
        """By how much an echo may be off and yet tell nothing new."""
        return max(LEAST_FAR_US, FAR * self.spread_us) + 2 * sqrt(self.variance)

    def add(self, sample_us: int) -> None:
        if sample_us < LONGEST_US:
            self._centre.add(sample_us, self.us, self.far_us)
            self._reckon()

    def was(self, sample_us: int) -> None:
        """It is known to have been so short, whatever was measured before."""
        self._centre.restart(max(sample_us, 0))
        self._reckon()

    def _reckon(self) -> None:
        kept = sorted(self._centre.kept)
        if not kept:
            return
        self.us = self._centre.mean
        if len(kept) >= FEW:
            middle = kept[len(kept) // 2]
            spread = sorted([abs(one - middle) for one in kept])[len(kept) // 2]
            self.spread_us = max(spread, LEAST_SPREAD_US)
        self.variance = 2 * self.spread_us**2 / len(kept)


class Hold:
    """How much later than by our clock a stretch of audio plays. `before_us` is what its like was held back before."""

    def __init__(self, before_us: int) -> None:
        self.us = self.at_start_us = before_us
        """Now, and when the stretch began."""
        self.moved = False
        """Whether it has been seen to be another one than before."""
        self._before_us = before_us
        self._begins = True
        """Whether it is still what it was at the start."""
        self._centre = Centre()

    @property
    def seen(self) -> bool:
        """Whether any residual has told of it."""
        return bool(self._centre.kept)

    @property
    def odd_us(self) -> int | None:
        """The last residual, if it was late and nothing like it had come before."""
        odd = self._centre.odd
        return odd if odd is not None and odd > self.us else None

    def expect(self, before_us: int) -> None:
        """What is before it ends later than was thought."""
        if not self.seen:
            self.us = self.at_start_us = self._before_us = before_us

    def add(self, residual_us: int, trip: RoundTrip) -> None:
        """An echo came so much later than by our clock and the round trip."""
        had_begun, centre = self.seen, self._centre
        if centre.add(residual_us, self.us, trip.far_us):
            if centre.mean < -trip.far_us:  # nothing plays before it is sent
                trip.was(round(trip.us + centre.mean))
                centre.restart(0)
            else:
                self.moved = True
                self._begins = self._begins and not had_begun
        if not centre.kept:
            self.at_start_us = max(residual_us, 0)  # until there is more to tell
            return
        self.us = round(centre.mean if self.moved else self._weighed(trip))
        if self._begins:
            self.at_start_us = self.us

    def _weighed(self, trip: RoundTrip) -> float:
        """The mean of the residuals, drawn towards what was before by how little they prove."""
        jitter = min(trip.spread_us, MOST_JITTER_US) ** 2
        noise = trip.variance + trip.spread_us**2 / len(self._centre.kept)
        return self._before_us + (self._centre.mean - self._before_us) * jitter / (jitter + noise)


class StartHold:
    """How late playing starts on this line: a prebuffer holds every start back alike, a stall or drift only some."""

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=4)

    def learn(self, hold: Hold) -> None:
        if hold.seen:
            self._last.append(hold.at_start_us)

    def expected_us(self, trip: RoundTrip) -> int:
        """The least of the last, with those that agree with it; nothing, while it is within the noise."""
        if not self._last:
            return 0
        least = min(self._last)
        alike = [one for one in self._last if one <= least + trip.far_us]
        mean = sum(alike) / len(alike)
        return round(mean) if mean > trip.far_us else 0
