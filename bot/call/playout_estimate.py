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
from statistics import fmean, median

WINDOW = 32
"""Echoes that a centre is made of. Of 32 round trips at +-10 ms the mean errs by 1.4 ms; twice as many gain 0.4 ms."""
UNKNOWN_US, UNKNOWN_ERROR_US = 120_000, 100_000
"""A round trip that was never measured: from 20 ms in a city to 300 ms across the world."""
LONGEST_US = 1_000_000
"""A longer round trip is none: something stood still. By satellite it is 600 ms."""
SPREAD_US, AS_IF = 6_700, 4
"""Mean deviation of round trips on a line of +-10 ms, which counts as if so many echoes had shown it."""
MOST_DEVIATION_US = 100_000
"""One that was lost and sent again, after 200 ms and more, says little of the spread."""
FAR, LEAST_FAR_US = 3.5, 12_000
"""Spreads beyond which an echo is off. Round trips at +-J deviate by three at most."""
FEW = 2
"""Round trips that a stall may have lengthened all."""
SURE = 2.5
"""Standard deviations of the noise within which a hold is that of before: a prebuffer of 30 ms and more is seen."""
MOVED = 4
"""Round trips in a row that are off and agree are a new one; those that wait for a stall to end do not agree."""
EARLY_US = 30_000
"""The most by which a phone's clock gets ahead of ours within an answer: 300 ppm in 100 s."""
MOST_JITTER_US = 40_000
"""The spread of a line of +-60 ms. Echoes that scatter more are gathered somewhere, and say nothing of the media."""


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
        return sum(self.kept) / len(self.kept)  # statistics.fmean takes three times as long


class RoundTrip:
    """From a mark that is set on an empty buffer to its echo."""

    def __init__(self) -> None:
        self.us: float = UNKNOWN_US
        self.spread_us: float = SPREAD_US
        """Mean deviation of one round trip; also, nearly, the standard deviation of one way."""
        self.variance = float(UNKNOWN_ERROR_US**2)
        """Of the mean."""
        self._last: deque[int] = deque(maxlen=WINDOW)
        self._deviated_us = 0.0
        self._differences: deque[int] = deque(maxlen=WINDOW)

    @property
    def known(self) -> int:
        """How many echoes have told of it."""
        return len(self._last)

    @property
    def far_us(self) -> float:
        """By how much an echo may be off and yet tell nothing new."""
        return max(LEAST_FAR_US, FAR * self.spread_us) + 2 * sqrt(self.variance)

    def add(self, sample_us: int) -> None:
        if sample_us >= LONGEST_US:
            return
        self._last.append(sample_us)
        latest = list(self._last)[-MOVED:]
        least, most = min(latest), max(latest)
        off = least - self.us > self.far_us or self.us - most > self.far_us
        if off and len(self._last) > 2 * MOVED and most - least <= 2 * self.far_us:
            self.was(*latest)
        else:
            self._reckon()

    def differ(self, difference_us: int) -> None:
        """So much lie two residuals in a row apart: they deviate as one round trip does, by the jitter of two ways."""
        self._differences.append(min(difference_us, MOST_DEVIATION_US))
        self._spread()

    def was(self, *samples_us: int) -> None:
        """It is known to have been so, whatever was measured before."""
        self._last.clear()
        self._last.extend(samples_us)
        self._reckon()

    def _reckon(self) -> None:
        middle = median(self._last)
        self._deviated_us = sum([min(abs(one - middle), MOST_DEVIATION_US) for one in self._last])
        self._spread()
        far_us = max(LEAST_FAR_US, FAR * self.spread_us)
        self.us = fmean([one for one in self._last if abs(one - middle) <= far_us] or [middle])

    def _spread(self) -> None:
        n = len(self._last) + len(self._differences) + AS_IF
        self.spread_us = (self._deviated_us + sum(self._differences) + AS_IF * SPREAD_US) / n
        if self._last:
            self.variance = 2 * self.spread_us**2 / len(self._last)


class Hold:
    """How much later than by our clock a stretch of audio plays. `before_us` is what its like was held back before."""

    def __init__(self, before_us: int) -> None:
        self.us = self.at_start_us = before_us
        """Now, and when the stretch began."""
        self.trip_us = 0.0
        """The round trip by which it was last reckoned."""
        self._before_us = before_us
        self._last_us: int | None = None
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
        if self._last_us is not None:
            trip.differ(abs(residual_us - self._last_us))
        self._last_us = residual_us
        if centre.add(residual_us, self.us, trip.far_us):
            if centre.mean < -trip.far_us and trip.known <= FEW:  # nothing plays before it is sent
                trip.was(max(round(trip.us + centre.mean), 0))
                centre.restart(0)
            else:
                self._begins = self._begins and not had_begun
        if not centre.kept:
            self.at_start_us = max(residual_us, 0)  # until there is more to tell
            return
        self.us, self.trip_us = round(self._weighed(trip)), trip.us
        if self._begins:
            self.at_start_us = self.us

    def _weighed(self, trip: RoundTrip) -> float:
        """The mean of the residuals; within the noise, drawn towards what was before by how little they prove."""
        mean_us = self._centre.mean
        off_us = mean_us - self._before_us
        if trip.spread_us > MOST_JITTER_US and off_us < LONGEST_US:
            return self._before_us
        jitter = trip.spread_us**2
        noise = trip.variance + jitter / len(self._centre.kept)
        sure_us = SURE * sqrt(jitter + noise)
        if mean_us < -sure_us - EARLY_US:  # nothing plays before it is sent: it is the round trip that is wrong
            return 0
        return self._before_us + off_us * (jitter / (jitter + noise) if abs(off_us) < sure_us else 1)


class StartHold:
    """How late playing starts on this line: a prebuffer holds every start back alike, a stall or drift only some."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=4)
        """With the round trip, which may have been known less well at the time."""

    def learn(self, hold: Hold) -> None:
        if hold.seen:
            self._last.append(hold.at_start_us + hold.trip_us)

    def expected_us(self, trip: RoundTrip) -> int:
        """The least of the last, with those that agree with it; nothing, while it is within the noise."""
        if not self._last:
            return 0
        least = min(self._last)
        alike = [one for one in self._last if one <= least + trip.far_us]
        hold_us = fmean(alike) - trip.us
        return round(hold_us) if hold_us > trip.far_us else 0
