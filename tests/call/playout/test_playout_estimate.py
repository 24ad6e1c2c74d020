"""The estimate of how late a phone plays, echo by echo, beside the jitter that it is to see through."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from bot.call.playout.playout_estimate import Hold, RoundTrip, StartHold

MS = 1_000


def trip(jitter_ms: int, n: int = 32, *, seed: str = "", centre_ms: int = 160) -> RoundTrip:
    """A round trip of two ways of +- `jitter_ms`, seen `n` times."""
    found, rng = RoundTrip(), random.Random(f"trip {jitter_ms} {n} {seed}")
    for _ in range(n):
        found.add(round((centre_ms + rng.uniform(-jitter_ms, jitter_ms) + rng.uniform(-jitter_ms, jitter_ms)) * MS))
    return found


def test_the_round_trip_is_the_mean_and_its_spread_the_lines_own() -> None:
    errors = [trip(10, seed=str(n)).us / MS - 160 for n in range(200)]
    assert abs(fmean(errors)) < 0.4
    assert fmean(map(abs, errors)) < 1.5
    assert 5_500 < fmean([trip(10, seed=str(n)).spread_us for n in range(50)]) < 7_500
    assert 15_000 < fmean([trip(30, seed=str(n)).spread_us for n in range(50)]) < 21_000
    assert trip(0).us == 160 * MS


def test_round_trips_that_were_lost_and_sent_again_do_not_move_it() -> None:
    found = trip(10)
    before_us = found.us
    for late_ms in (220, 120, 20):
        found.add(round(before_us) + late_ms * MS)
    assert abs(found.us - before_us) < 1.5 * MS


def test_a_round_trip_that_is_another_one_is_known_after_four() -> None:
    found = trip(10)
    for _ in range(4):
        found.add(210 * MS)
    assert found.us == 210 * MS
    assert found.known == 4


def test_what_takes_longer_than_a_second_is_no_round_trip() -> None:
    found = RoundTrip()
    found.add(5_300 * MS)
    assert found.known == 0


def heard(trip: RoundTrip, *late_ms: float, hold: Hold | None = None, every_ms: int = 200) -> Hold:
    """A stretch whose echoes come so late, the round trip of 160 ms aside, a mark each `every_ms`."""
    hold = hold or Hold(0)
    for number, late in enumerate(late_ms):
        hold.add(round((late + 160) * MS), (number + 1) * every_ms * MS, trip)
    return hold


def test_the_jitter_of_a_first_turn_on_a_wild_line_is_no_change_of_level() -> None:
    """One round trip is all that is known: two echoes that are 50 ms apart are of one level, the second no earlier one."""
    assert heard(trip(0, 1), 50, 0).start_level_us == 185 * MS


@pytest.mark.parametrize("hold_ms", [0, 60, 120, 300])
def test_a_hold_is_the_mean_of_the_residuals_once_two_agree(hold_ms: int) -> None:
    errors = []
    for seed in range(200):
        rng = random.Random(f"hold {seed}")
        hold = heard(trip(10, seed=str(seed)), *[hold_ms + rng.uniform(-10, 10) for _ in range(12)])
        errors.append(hold.us / MS - hold_ms)
    assert abs(fmean(errors)) < 0.5
    assert max(map(abs, errors)) < 10


def test_nothing_is_held_back_while_the_evidence_is_within_the_noise() -> None:
    """A single round trip says little: a residual of 15 ms may well be its error."""
    once, often = trip(10, 1), trip(10, 32)
    few, many = (heard(known, 15 + (known.us / MS - 160)) for known in (once, often))
    assert 0 < few.us < 3 * MS
    assert 4 * MS < many.us < 10 * MS


def test_a_hold_grows_at_the_second_late_echo_and_shrinks_at_the_first_early_one() -> None:
    known = trip(10)
    hold = heard(known, 0, 3, -4, 401)
    assert abs(hold.us) < 3 * MS
    assert hold.odd_us is not None
    assert abs(hold.odd_us - 401 * MS) < 5 * MS
    hold = heard(known, 0, 3, -4, 401, 398)
    assert abs(hold.us - 400 * MS) < 5 * MS
    assert abs(hold.at_start_us) < 5 * MS
    hold = heard(known, 0, 3, -4, 401, 398, 330)
    assert abs(hold.us - 330 * MS) < 5 * MS


def test_what_a_start_lost_is_not_expected_of_the_next_once_its_first_echo_is_back() -> None:
    assert abs(heard(trip(10), 1, hold=Hold(220 * MS)).us) < 5 * MS


def test_a_change_of_level_is_measured_without_the_round_trip() -> None:
    """After one round trip, 18 ms off, a hold is known from what the echoes of the same stretch came like before."""
    known = RoundTrip()
    known.add(142 * MS)
    hold = heard(known, *[5, -5] * 5, *[405, 395] * 2)
    assert abs(hold.us - 400 * MS) < 6 * MS


def test_echoes_that_come_together_were_held_on_their_way_back_and_tell_nothing() -> None:
    known = trip(10)
    hold = heard(known, 0, 2, -1, 400, 200, 1)
    assert abs(hold.us) < 3 * MS
    assert hold.odd_us is None
    assert abs(heard(known, 800, 600, 400, 200, 800, 600, 400).us) == 0


def test_echoes_that_come_before_they_can_say_nothing() -> None:
    assert heard(trip(10), -400, -398, -401, -399).us == 0


def test_echoes_that_scatter_beyond_any_jitter_leave_the_clock_alone() -> None:
    assert heard(trip(10), *[number * 230 % 900 for number in range(40)]).us == 0


def starts(known: RoundTrip, *held_ms: float) -> StartHold:
    """Stretches that began so late, and are over."""
    found = StartHold()
    for late_ms in held_ms:
        found.learn(heard(known, late_ms, late_ms, late_ms))
    return found


def test_a_prebuffer_is_expected_of_the_next_start_and_a_stall_is_not() -> None:
    known = trip(10)
    expected_us, alike = starts(known, 122, 400, 119, 121).expected(known)
    assert abs(expected_us - 121 * MS) < 2 * MS
    assert alike == 3
    assert StartHold().expected(known) == (0, 0)


def test_a_stretch_tells_of_the_next_before_it_is_known_to_be_over() -> None:
    known = trip(10)
    expected_us, alike = starts(known, 130).expected(known, [heard(known, 110, 110), Hold(120 * MS)])
    assert abs(expected_us - 120 * MS) < 4 * MS
    assert alike == 2


def test_the_fewer_starts_were_seen_the_more_the_first_echo_of_the_next_counts() -> None:
    once, often = (heard(trip(10), 135, hold=Hold(*starts(trip(10), *[120] * n).expected(trip(10)))).us for n in (1, 8))
    assert once - often > 1 * MS
