"""A cut, and what it means for the conversation."""

from __future__ import annotations

import pytest

from bot.call.playout.ledger import Entry
from bot.call.playout.truncation import Truncation, judge


def entry(name: str, heard: int, sent: int, *, received: int | None = None, done: bool = True) -> Entry:
    """`name` is item/content; bytes."""
    item, _, content = name.partition("/")
    return Entry(item, int(content or 0), "R1", sent if received is None else received, sent, heard, done)


@pytest.mark.parametrize(
    ("entries", "truncated", "unheard", "playing"),
    [
        pytest.param([], [], [], None, id="nothing"),
        pytest.param([entry("A", 8_000, 8_000)], [], [], None, id="heard to its end"),
        pytest.param(
            [entry("A", 8_000, 8_000, done=False)], [("A", 0, 1_000)], [], "A", id="all that came, more to come"
        ),
        pytest.param([entry("A", 8_000, 8_000, received=9_000)], [("A", 0, 1_000)], [], "A", id="more is held back"),
        pytest.param([entry("A", 4_007, 8_000)], [("A", 0, 500)], [], "A", id="whole milliseconds"),
        pytest.param([entry("A", 8, 8_000)], [("A", 0, 1)], [], "A", id="one millisecond"),
        pytest.param([entry("A", 7, 8_000)], [], ["A"], None, id="less than a millisecond"),
        pytest.param([entry("A", 0, 0, received=8_000)], [], ["A"], None, id="never sent"),
        pytest.param([entry("A", 4_000, 8_000), entry("B", 0, 8_000)], [("A", 0, 500)], ["B"], "A", id="first of two"),
        pytest.param([entry("A", 8_000, 8_000), entry("B", 800, 8_000)], [("B", 0, 100)], [], "B", id="second of two"),
        pytest.param([entry("A", 8_000, 8_000), entry("B", 0, 8_000)], [], ["B"], None, id="exactly between two"),
        pytest.param(
            [entry("A", 8_000, 8_000), entry("A/1", 800, 8_000)], [("A", 1, 100)], [], "A", id="second content"
        ),
        pytest.param(
            [entry("A", 800, 8_000), entry("A/1", 0, 8_000), entry("B", 0, 80)],
            [("A", 0, 100), ("A", 1, 0)],
            ["B"],
            "A",
            id="a later content of a heard item is emptied, not deleted",
        ),
    ],
)
def test_the_item_heard_is_truncated_and_those_behind_it_go(
    entries: list[Entry], truncated: list[tuple[str, int, int]], unheard: list[str], playing: str | None
) -> None:
    verdict = judge(entries)
    assert verdict.truncations == tuple(Truncation(*one) for one in truncated)
    assert [one.item_id for one in verdict.unheard] == unheard
    assert (verdict.playing.item_id if verdict.playing else None) == playing
