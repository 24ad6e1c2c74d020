"""A call that ends for its money is never cut without a word, whenever the caller speaks and whatever goes wrong."""

from __future__ import annotations

import random

import pytest

from bot.call.facts import UsageFact
from bot.recording.fixture import read_fixture
from bot.recording.replay import replay
from tests.proof.fixtures import DIRECTORY
from tests.proof.goodbyes import BYE, RECORDED, any_plan, run


def proved(seed: int) -> tuple[str, bool]:
    """Run the call of `seed`, and again from its record. How it ended, and whether the goodbye was heard."""
    outcome = run(any_plan(random.Random(seed)))
    assert outcome.faults == []
    again = replay(outcome.fixture)
    assert again.difference == ""
    assert outcome.call.ended is not None
    assert again.ended == outcome.call.ended[1]
    facts = [fact for _, fact in outcome.call.facts if isinstance(fact, UsageFact)]
    assert [fact.number for fact in facts] == list(range(1, len(facts) + 1))
    assert outcome.core.spent_nano_usd == sum(fact.nano_usd for fact in facts)
    return outcome.call.ended[1], outcome.core.goodbye.heard


def test_it_holds_for_calls_as_the_dice_fall() -> None:
    ends = {proved(seed) for seed in range(40)}
    assert {("spend_limit", True), ("spend_limit", False)} <= ends


@pytest.mark.slow
def test_it_holds_for_fifteen_hundred_of_them() -> None:
    ends = {proved(seed) for seed in range(1_500)}
    assert ends == {("spend_limit", True), ("spend_limit", False), ("caller_hung_up", False)}


def test_the_recorded_one_was_told_to_wrap_up_and_then_said_goodbye() -> None:
    outcome = run(RECORDED)
    assert [report.event for _, report in outcome.call.reports if report.event.startswith("spend")] == [
        "spend_limit_near",
        "spend_limit_reached",
    ]
    assert outcome.core.goodbye.heard
    assert b"".join(one.audio for one in outcome.phone.received).endswith(BYE.audio)
    assert len(outcome.phone.clears) == 1
    kept = read_fixture(DIRECTORY / "ended-for-its-money.call.jsonl.gz")
    assert kept.header.settings == outcome.core.settings
    assert [bytes(line.message) for line in kept.lines] == [line.text.encode() for line in outcome.call.log]
