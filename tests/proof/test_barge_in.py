"""Barge-in in virtual time: a few cuts of everything here; `python -m tests.proof` does thousands."""

from __future__ import annotations

import random

import pytest

from bot.testing.schema import check_client_event
from tests.proof.barge_in import (
    NETWORKS,
    DeafLedger,
    GullibleLedger,
    Tally,
    tally,
    with_ledger,
)
from tests.proof.situations import SITUATIONS, Network, Situation, run

A_FEW = 6
BY_NAME = {network.name: network for network in NETWORKS}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_the_model_is_told_what_the_phone_played(situation: Situation, network: Network) -> None:
    found = tally(situation, network, A_FEW)
    assert not found.faults
    assert not found.wrong_items
    assert found.within == 1.0, found.row()
    assert all(abs(cut.error_ms) <= 420 for cut in found.blind), found.row()


def test_without_delay_it_is_never_ahead_of_the_phone_and_less_than_a_millisecond_behind() -> None:
    for situation in SITUATIONS:
        for cut in tally(situation, BY_NAME["no delay"], A_FEW).seen:
            assert -1 < cut.error_ms <= 0


def test_every_message_to_the_model_is_one_its_schema_allows() -> None:
    for situation in SITUATIONS:
        outcome = run(situation, Network("40 ms", 40, 10), random.Random(situation.name), check=check_client_event)
        assert not outcome.faults


def share(kind: type, network: str) -> float:
    found: list[Tally] = [tally(one, BY_NAME[network], 4, with_ledger(kind)) for one in SITUATIONS]
    cuts = sum(len(one.seen) for one in found)
    return sum(one.within * len(one.seen) for one in found) / cuts


def test_a_ledger_that_ignores_marks_fails_behind_a_prebuffer() -> None:
    assert share(DeafLedger, "120 ms prebuffer") < 0.5


def test_a_ledger_that_believes_every_echo_fails_when_they_come_at_once() -> None:
    assert share(GullibleLedger, "echoes at once") < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_hundreds_of_cuts_of_each(situation: Situation, network: Network) -> None:
    found = tally(situation, network, 200, seed="slow")
    print(found.row())
    assert found.good, found.row()
