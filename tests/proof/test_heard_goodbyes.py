"""A hundred of a hundred goodbyes are heard to their last byte, on lines of 0 to 80 ms."""

from __future__ import annotations

from tests.proof.heard_goodbyes import MOST_DELAY_MS, any_plan, tally


def test_a_hundred_of_a_hundred_goodbyes_are_heard_to_their_last_byte() -> None:
    found = tally(100)
    assert [one for one in found if not one.good] == []
    assert {one.reason for one in found} == {"bot_hung_up", "transferred"}


def test_the_hundred_cover_every_delay() -> None:
    delays = {any_plan(seed).delay_ms for seed in range(100)}
    assert delays == set(range(MOST_DELAY_MS + 1))
