"""The estimate of how late a phone plays, echo by echo, beside the jitter that it is to see through."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from bot.call.playout_estimate import Hold, RoundTrip, StartHold

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


@pytest.mark.parametrize("hold_ms", [0, 60, 120, 300])
def test_a_hold_is_the_mean_of_the_residuals_once_two_agree(hold_ms: int) -> None:
    known, errors = trip(10, centre_ms=160), []
    for seed in range(200):
        rng, hold = random.Random(f"hold {seed}"), Hold(0)
        for _ in range(12):
            hold.add(round((hold_ms + rng.uniform(-10, 10)) * MS + 160 * MS - known.us), known)
        errors.append(hold.us / MS - hold_ms)
    assert abs(fmean(errors)) < 2.5
    assert max(map(abs, errors)) < 8


def test_nothing_is_held_back_while_the_evidence_is_within_the_noise() -> None:
    """A single round trip says little: a residual of 15 ms may well be its error."""
    once, often = trip(10, 1), trip(10, 32)
    few, many = Hold(0), Hold(0)
    few.add(15 * MS, once)
    many.add(15 * MS, often)
    assert 0 < few.us < 5 * MS
    assert 5 * MS < many.us < 10 * MS


def test_a_hold_changes_both_ways() -> None:
    known, hold = trip(10), Hold(0)
    for residual_ms in (0, 3, -4, 401, 398):
        hold.add(residual_ms * MS, known)
    assert abs(hold.us - 400 * MS) < 2 * MS
    assert abs(hold.at_start_us) < 5 * MS
    for residual_ms in (180, 177):
        hold.add(residual_ms * MS, known)
    assert abs(hold.us - 178 * MS) < 2 * MS


def test_echoes_that_come_before_they_can_say_nothing() -> None:
    known, hold = trip(10), Hold(0)
    for residual_ms in (-400, -398, -401, -399):
        hold.add(residual_ms * MS, known)
    assert hold.us == 0


def test_echoes_that_scatter_beyond_any_jitter_leave_the_clock_alone() -> None:
    known, hold = trip(10), Hold(0)
    for number in range(40):
        hold.add((number * 230 % 900) * MS, known)
    assert hold.us == 0


def test_a_prebuffer_is_expected_of_the_next_start_and_a_stall_is_not() -> None:
    starts, known = StartHold(), trip(10)
    for held_ms in (122, 400, 119, 121):
        hold = Hold(0)
        for _ in range(3):
            hold.add(held_ms * MS, known)
        starts.learn(hold)
    assert abs(starts.expected_us(known) - 121 * MS) < 2 * MS
    assert StartHold().expected_us(known) == 0
