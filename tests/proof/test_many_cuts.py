"""Barge-in in virtual time: a few cuts of everything here; `python -m tests.proof` does thousands."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bot.call.playout.ledger import Ledger
from bot.testing.virtual.client_event_schema import check_client_event
from tests.proof.many_cuts import (
    NETWORKS,
    ONE_ECHO,
    UNSEEN,
    DeafLedger,
    GullibleLedger,
    best_of_one_echo,
    tally,
    together,
    with_ledger,
)
from tests.proof.situations import GREETING, SITUATIONS, Network, Situation, run

A_FEW = 4
BY_NAME = {network.name: network for network in NETWORKS}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_the_model_is_told_what_the_phone_played(situation: Situation, network: Network) -> None:
    """No cut is off by more than the jitter of three ways, or the clock is off as much."""
    found = tally(situation, network, 1)
    assert not found.faults
    assert not found.wrong_items
    if network.lost or situation.name == GREETING.name:
        return
    most_ms = 2 if network.name == "no delay" else 3 * network.jitter_ms
    if network.name in UNSEEN:
        most_ms += found.clock.quantile(1)
    assert found.told.quantile(1) <= most_ms, found.row()
    assert all(abs(cut.error_ms) <= 430 for cut in found.blind), found.row()


def test_without_delay_it_is_never_ahead_of_the_phone_and_less_than_a_millisecond_behind() -> None:
    for situation in SITUATIONS:
        for cut in tally(situation, BY_NAME["no delay"], A_FEW).seen:
            assert -1 < cut.error_ms <= 0


def test_a_cut_as_the_first_byte_plays_may_miss_the_item_by_jitter_alone() -> None:
    """The `clear` may come before that byte or after it: what is told is 0 ms or a few, and no more."""
    begins = replace(next(one for one in SITUATIONS if one.name == "generation stalled"), cuts_ms=((290, 320),))
    found = tally(begins, BY_NAME["300 ms prebuffer"], 20)
    assert any(cut.told_item != cut.true_item for cut in found.seen)
    assert not found.wrong_items
    far = tuple(replace(cut, near_border=False) for cut in found.seen)
    assert replace(found, seen=far).wrong_items


def test_every_message_to_the_model_is_one_its_schema_allows() -> None:
    for situation in SITUATIONS:
        outcome = run(situation, Network("40 ms", 40, 10), random.Random(situation.name), check=check_client_event)
        assert not outcome.faults


def p95(kind: type[Ledger], network: str) -> float:
    return together([tally(one, BY_NAME[network], A_FEW, with_ledger(kind)) for one in SITUATIONS]).told.quantile(0.95)


def test_a_ledger_that_ignores_marks_fails_behind_a_prebuffer() -> None:
    assert p95(DeafLedger, "120 ms prebuffer") > 100
    assert p95(Ledger, "120 ms prebuffer") < 20


def test_a_ledger_that_believes_every_echo_fails_when_they_come_at_once() -> None:
    assert p95(GullibleLedger, "echoes at once") > 100
    assert p95(Ledger, "echoes at once") < 25


def test_no_estimate_of_one_round_trip_is_within_22_ms_behind_a_prebuffer() -> None:
    best = best_of_one_echo(10, 20_000, random.Random(1))
    assert 19 < best.quantile(0.95) < 20
    assert 23 < best.quantile(0.99) < ONE_ECHO


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_hundreds_of_cuts_of_each(network: Network) -> None:
    found = [tally(situation, network, 100, seed="slow") for situation in SITUATIONS]
    for one in [*found, together(found)]:
        print(one.row())
    assert not together(found).missed
