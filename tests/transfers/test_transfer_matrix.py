"""The matrix of transfers over sockets: who hears what, in which order, and how each ends, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.explain.transfer_outcomes import transfer_outcomes
from tests.transfers.put_through_over_sockets import run, scaled
from tests.transfers.transfer_rows import ROWS, Row

PACE = 0.1
"""Seconds that each second of the telephone network takes here; `python -m tests.transfers` takes whole ones."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_who_hears_what(row: Row, tmp_path: Path) -> None:
    with scaled(PACE):
        outcome = await run(row, tmp_path, PACE)
    assert outcome.against(row) == [], f"{outcome.caller} / {outcome.person}"


def names(heard: str) -> list[str]:
    """The sounds in a cell of the manual, without their times."""
    return [] if heard == "-" else [sound.split()[0] for sound in heard.split(", ")]


def test_the_manual_tells_every_row_as_it_must_be() -> None:
    told = [(one["mode"], one["person"], one["caller"], one["ended"]) for one in transfer_outcomes()]
    assert told == [(row.mode, row.person_does, row.caller_does, row.ended) for row in ROWS]
    for row, one in zip(ROWS, transfer_outcomes(), strict=True):
        assert names(one["caller_hears"]) == list(row.caller_hears), row.name
        assert names(one["person_hears"]) == list(row.person_hears), row.name
